import type { RefusedToken } from '../issuer/token-adviser.js';
import type { JsonObject } from '../jws/json-object.js';

/** Claims that OpenID Connect Core defines for ID tokens alone. */
const OF_ID_TOKENS = ['nonce', 'at_hash', 'c_hash', 's_hash'];

/** The reasons for which an ID token or a refresh token is refused. */
const REASONS = new Set<RefusedToken['reason']>([
  'token_invalid',
  'token_audience',
  'token_type',
  'token_unbound',
]);

/** What to change when the client sent another token of the issuer than the access token. */
export function adviseOnWrongToken({ reason, claims }: RefusedToken): string | undefined {
  if (claims === undefined || !REASONS.has(reason)) return undefined;
  if (isIdToken(claims)) return 'the client sent an ID token: it must send the access token';
  // The payload of Keycloak's tokens has a `typ` of its own.
  if (claims['typ'] === 'Refresh' || claims['typ'] === 'Offline')
    return 'the client sent a refresh token: it must send the access token';
  return undefined;
}

function isIdToken(claims: JsonObject): boolean {
  if (claims['typ'] === 'ID') return true;
  const hasScope = claims['scope'] !== undefined || claims['scp'] !== undefined;
  return !hasScope && OF_ID_TOKENS.some((name) => claims[name] !== undefined);
}
