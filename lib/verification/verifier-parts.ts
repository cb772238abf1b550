import type { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { NonceService } from '../nonce/nonce.service.js';
import type { ProofKey } from '../proof/proof-signature.js';
import type { RevocationChecker } from '../revocation/revocation.checker.js';
import type { BoundedCache } from '../runtime/bounded-cache.js';
import type { ReplayStore } from '../storage/replay.store.js';
import type { TicketSeal } from '../tickets/ticket-seal.js';
import type { VerificationRules } from './verification-rules.js';

/** What a `DpopVerifier` is made of. */
export interface DpopVerifierParts {
  readonly rules: VerificationRules;
  readonly accessTokens: AccessTokenVerifier;
  readonly nonces: NonceService;
  readonly replayStore: ReplayStore;
  /** Says whether a token is revoked; without it, a token passes until it expires. */
  readonly revocation?: RevocationChecker | undefined;
  /** Seals tickets; default: a seal of its own, whose tickets no other verifier opens. */
  readonly tickets?: TicketSeal;
  /** The keys of clients whose requests were accepted; default: an empty cache within the bounds of the rules. */
  readonly knownKeys?: BoundedCache<ProofKey>;
  /** Whether decisions are published, default `true`. */
  readonly publishes?: boolean;
}
