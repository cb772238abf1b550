import type { DpopConfig } from '../config/dpop-config.js';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import type { NonceSecretSource } from '../nonce/nonce-secret.source.js';
import type { NonceService } from '../nonce/nonce.service.js';
import { StatelessNonceService } from '../nonce/stateless-nonce.service.js';
import { TicketSeal } from '../tickets/ticket-seal.js';

/** The secrets of nonces and tickets: of the options, of the storage, or random ones of this process. */
export function createNonceSecrets({ nonce: { secrets }, storage }: DpopConfig): NonceSecretSource {
  if (secrets !== undefined) return new FixedNonceSecrets(secrets);
  return storage.nonceSecrets ?? new FixedNonceSecrets();
}

export function createNonceService({ nonce, clock }: DpopConfig, secrets: NonceSecretSource): NonceService {
  const { service, lifetimeSeconds } = nonce;
  return new StatelessNonceService({ secrets, service, lifetimeSeconds, clock });
}

export function createTicketSeal({ nonce, tickets }: DpopConfig, secrets: NonceSecretSource): TicketSeal {
  return new TicketSeal({ secrets, service: nonce.service, lifetimeSeconds: tickets.lifetimeSeconds });
}
