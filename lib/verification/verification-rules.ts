import type { ConfirmationOption } from '../access-token/second-confirmation.js';
import type { CredentialLimits } from '../http/credentials.js';
import type { OriginResolver } from '../http/request-origin.js';
import type { FreshnessWindow } from '../proof/proof-freshness.js';
import type { CacheBounds } from '../runtime/bounded-cache.js';
import type { Clock } from '../runtime/clock.js';
import type { DpopPolicy } from './policy.js';

/** What a service requires of its requests. The configuration of the module extends it. */
export interface VerificationRules {
  readonly clock: Clock;
  /** The policy of a route that has none of its own. */
  readonly policy: DpopPolicy;
  /** Whether no policy, of any route, may allow Bearer. */
  readonly forbidsBearer: boolean;
  /** Whether no policy, of any route, may allow tickets. */
  readonly forbidsTickets: boolean;
  /** Who checks what a token is bound to beside the DPoP key. */
  readonly confirmation?: ConfirmationOption;
  readonly limits: CredentialLimits;
  readonly resolveOrigin: OriginResolver;
  readonly proof: FreshnessWindow & {
    readonly algorithms: ReadonlySet<string>;
    readonly queryInHtu: 'ignore' | 'reject';
    readonly freshness: 'iat' | 'nonce';
  };
  /** The longest that a proof seen at some instant can stay fresh after it. */
  readonly proofLifetimeSeconds: number;
  readonly onReplayStoreFailure: 'refuse' | 'accept-and-report';
  readonly onRevocationFailure: 'refuse' | 'accept-and-report';
  readonly cache: { readonly keys: CacheBounds };
}
