import type { ConfirmationOption } from '../access-token/second-confirmation.js';
import type { CredentialLimits } from '../http/credentials.js';
import type { DpopPolicy } from './policy.js';
import type { ProofRules } from './proof-rules.js';

/** What a service requires of its requests. The configuration of the module extends it. */
export interface VerificationRules extends ProofRules {
  /** The policy of a route that has none of its own. */
  readonly policy: DpopPolicy;
  /** Whether no policy, of any route, may allow Bearer. */
  readonly forbidsBearer: boolean;
  /** Whether no policy, of any route, may allow tickets. */
  readonly forbidsTickets: boolean;
  /** Who checks what a token is bound to beside the DPoP key. */
  readonly confirmation?: ConfirmationOption;
  readonly limits: CredentialLimits;
  readonly onRevocationFailure: 'refuse' | 'accept-and-report';
}
