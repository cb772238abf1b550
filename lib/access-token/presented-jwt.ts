import { type CompactJws, parseCompactJws } from '../jws/compact-jws.js';
import type { JsonObject } from '../jws/json-object.js';
import { parseJsonSegment } from '../jws/json-segment.js';

/** An access token as presented, taken apart once. Nothing in it is to be believed yet. */
export interface PresentedJwt {
  /** `undefined` for anything but a JWS in compact form. */
  readonly jws: CompactJws | undefined;
  /** `undefined` where the second of three segments is no JSON object. */
  readonly claims: JsonObject | undefined;
}

/**
 * Takes a token apart. A malformed token of three segments still tells its claims, so that one that names a trusted issuer
 * never reaches the verifier of another.
 */
export function readPresentedJwt(token: string): PresentedJwt {
  const jws = parseCompactJws(token);
  const payload = jws?.payload ?? payloadOf(token);
  return { jws, claims: payload === undefined ? undefined : parseJsonSegment(payload) };
}

function payloadOf(token: string): string | undefined {
  const segments = token.split('.', 4);
  return segments.length === 3 ? segments[1] : undefined;
}
