/** A JSON object whose members are yet to be checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The JSON object in one segment of a compact JWS.
 *
 * @throws whatever is wrong with the encoding, and for JSON that is not an object
 */
export function parseJsonSegment(segment: string): JsonObject {
  const value: unknown = JSON.parse(Buffer.from(segment, 'base64url').toString());
  if (!isJsonObject(value)) throw new SyntaxError('a JWT segment must hold a JSON object');
  return value;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
