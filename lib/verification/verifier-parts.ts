import type { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { NonceService } from '../nonce/nonce.service.js';
import type { ReplayStore } from '../storage/replay.store.js';
import type { VerificationRules } from './verification-rules.js';

/** What the verifier is made of. */
export interface DpopVerifierParts {
  readonly config: VerificationRules;
  readonly accessTokens: AccessTokenVerifier;
  readonly nonces: NonceService;
  readonly replayStore: ReplayStore;
}
