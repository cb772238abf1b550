import type { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { DpopConfig } from '../config/dpop-config.js';
import { Trial } from '../guard/trial.js';
import type { NonceSecretSource } from '../nonce/nonce-secret.source.js';
import type { NonceService } from '../nonce/nonce.service.js';
import { type ReplayOutcome, ReplayStore } from '../storage/replay.store.js';
import { DpopVerifier } from '../verification/dpop.verifier.js';
import { createAccessTokenVerifier } from './access-token-provider.js';
import { createTicketSeal } from './nonce-providers.js';

/** Records nothing: the proof is recorded for the present configuration, and would be a replay. */
class UnwrittenReplayStore extends ReplayStore {
  readonly #present: ReplayStore;

  constructor(present: ReplayStore) {
    super();
    this.#present = present;
  }

  override claim(): ReplayOutcome {
    return 'first';
  }

  override epochOf(jkt: string): string {
    return this.#present.epochOf(jkt);
  }
}

/** The trial of the options; it does nothing in a service that tries none. Nonces and tickets are those of the present configuration. */
export function createTrial(
  { trial: config, nonce }: DpopConfig,
  presentTokens: AccessTokenVerifier,
  nonces: NonceService,
  present: ReplayStore,
  secrets: NonceSecretSource,
): Trial {
  if (config === undefined) return new Trial();
  const accessTokens = config.hasOwnTokens ? createAccessTokenVerifier(config) : presentTokens;
  const { revocation } = config;
  const replayStore = new UnwrittenReplayStore(present);
  const tickets = createTicketSeal({ ...config, nonce }, secrets);
  const parts = { rules: config, accessTokens, nonces, replayStore, revocation, tickets, publishes: false };
  return new Trial({
    verifier: new DpopVerifier(parts),
    config,
    tokens: config.hasOwnTokens ? accessTokens : undefined,
    revocation: config.hasOwnRevocation ? revocation : undefined,
  });
}
