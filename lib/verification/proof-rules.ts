import type { OriginResolver } from '../http/request-origin.js';
import type { FreshnessWindow } from '../proof/proof-freshness.js';
import type { CacheBounds } from '../runtime/bounded-cache.js';
import type { Clock } from '../runtime/clock.js';

/** What a service requires of proofs, with an access token or without one. */
export interface ProofRules {
  readonly clock: Clock;
  readonly resolveOrigin: OriginResolver;
  readonly proof: FreshnessWindow & {
    readonly algorithms: ReadonlySet<string>;
    readonly queryInHtu: 'ignore' | 'reject';
    readonly freshness: 'iat' | 'nonce';
  };
  /** The longest that a proof seen at some instant can stay fresh after it. */
  readonly proofLifetimeSeconds: number;
  readonly onReplayStoreFailure: 'refuse' | 'accept-and-report';
  readonly cache: { readonly keys: CacheBounds };
}
