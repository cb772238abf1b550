import type { AccessTokenVerifier } from './access-token/access-token.verifier.js';
import type { DpopConfig } from './dpop.config.js';
import type { NonceService } from './nonce/nonce.service.js';
import type { ReplayStore } from './replay/replay.store.js';

/** What the verifier is made of. */
export interface DpopVerifierParts {
  readonly config: DpopConfig;
  readonly accessTokens: AccessTokenVerifier;
  readonly nonces: NonceService;
  readonly replayStore: ReplayStore;
}
