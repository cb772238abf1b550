import { isUtf8 } from 'node:buffer';
import { isJsonObject, type JsonObject } from './json-object.js';

/** The JSON object in a segment of a compact JWS; `undefined` if the segment does not contain one. */
export function parseJsonSegment(segment: string): JsonObject | undefined {
  const bytes = Buffer.from(segment, 'base64url');
  // RFC 7515 §5.2 requires UTF-8; `toString` would replace malformed bytes.
  if (!isUtf8(bytes)) return undefined;
  const value = parseJson(bytes.toString());
  return isJsonObject(value) ? value : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
