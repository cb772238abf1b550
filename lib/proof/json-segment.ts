import { isUtf8 } from 'node:buffer';
import { isJsonObject, type JsonObject } from '../json-object.js';

/**
 * The JSON object in one segment of a compact JWS.
 *
 * @throws whatever is wrong with the encoding, and for JSON that is not an object
 */
export function parseJsonSegment(segment: string): JsonObject {
  const octets = Buffer.from(segment, 'base64url');
  // RFC 7515 §5.2 asks for UTF-8; `toString` would make something of any octets.
  if (!isUtf8(octets)) throw new SyntaxError('a JWT segment must be UTF-8');
  const value: unknown = JSON.parse(octets.toString());
  if (!isJsonObject(value)) throw new SyntaxError('a JWT segment must hold a JSON object');
  return value;
}
