import { isUtf8 } from 'node:buffer';
import { isJsonObject, type JsonObject } from './json-object.js';

/** The JSON object in one segment of a compact JWS; `undefined` where there is none. */
export function parseJsonSegment(segment: string): JsonObject | undefined {
  const octets = Buffer.from(segment, 'base64url');
  // RFC 7515 §5.2 asks for UTF-8; `toString` would make something of any octets.
  if (!isUtf8(octets)) return undefined;
  const value = parseJson(octets.toString());
  return isJsonObject(value) ? value : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
