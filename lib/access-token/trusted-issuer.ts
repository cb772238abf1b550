import type { JwtAccessTokenVerifier } from './jwt-access-token.verifier.js';

/** An issuer whose tokens the service accepts. */
export interface TrustedIssuer {
  readonly verifier: JwtAccessTokenVerifier;
  /** Whether the service still trusts it. What was verified before is not used otherwise. */
  isCurrent(): boolean;
}
