import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { readStandardRights, type TokenRights } from '../claims/token-rights.js';

/**
 * The standard rights with the client from the claims of one provider: a claim that the provider does not define may have
 * another meaning.
 *
 * @param names the claims that may name the client, the preferred one first
 */
export function readRightsOfClient(claims: AccessTokenClaims, ...names: readonly string[]): TokenRights {
  const clientId = names
    .map((name) => claims[name])
    .find((claim) => typeof claim === 'string' && claim !== '');
  return { ...readStandardRights(claims), clientId: typeof clientId === 'string' ? clientId : undefined };
}
