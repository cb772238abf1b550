import type { RefusalReason } from '../errors/catalogue.js';
import type { RefusedToken } from '../issuer/token-adviser.js';
import { type CompactJws, parseCompactJws } from '../jws/compact-jws.js';
import type { JsonObject } from '../jws/json-object.js';
import { parseJsonSegment } from '../jws/json-segment.js';

/** A JWE has five. More dots than that need no count. */
const MAX_SEGMENTS = 6;

/** The parts of an access token, parsed once and not verified yet. */
export interface PresentedJwt {
  /** `undefined` if the token is not a JWS in compact form. */
  readonly jws: CompactJws | undefined;
  /** `undefined` if the second of three segments is not a JSON object. */
  readonly claims: JsonObject | undefined;
}

/**
 * Parses a token. It reads the claims of a malformed token with three segments too: if that token names a trusted issuer,
 * no other verifier must see it.
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

/** What an adviser may look at. */
export function describeRefused(token: string, reason: RefusalReason): RefusedToken {
  const segments = token.split('.', MAX_SEGMENTS);
  const [header = ''] = segments;
  return {
    reason,
    segments: segments.length,
    header: parseJsonSegment(header),
    claims: readPresentedJwt(token).claims,
  };
}
