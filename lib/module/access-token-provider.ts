import type { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import { JwtAccessTokenVerifier } from '../access-token/jwt-access-token.verifier.js';
import { ResolvedIssuers } from '../access-token/resolved-issuers.js';
import { TrustedIssuersVerifier } from '../access-token/trusted-issuers.verifier.js';
import type { DpopConfig } from '../config/dpop-config.js';

/** The verifier of all issuers that the options name. */
export function createAccessTokenVerifier({
  issuers,
  resolution,
  issuerVerifiers,
  fallbackVerifier,
  cache,
  clock,
}: DpopConfig): AccessTokenVerifier {
  const verifiers = issuers.map((options) => new JwtAccessTokenVerifier(options, clock));
  const all = [...verifiers, ...issuerVerifiers];
  const resolved = resolution && new ResolvedIssuers(resolution, clock);
  return new TrustedIssuersVerifier(all, fallbackVerifier, cache.tokens, clock, resolved);
}
