import type { NonceSecretSource } from '../nonce/nonce-secret.source.js';
import type { Clock } from '../runtime/clock.js';
import type { ReplayStore } from './replay.store.js';

/** Where replay records and nonce secrets are kept. A port: implement it to use another store. */
export interface DpopStorage {
  readonly replayStore: ReplayStore;
  /** Nonce secrets that all instances share. Without them and without `nonce.secret`, each process creates its own. */
  readonly nonceSecrets?: NonceSecretSource | undefined;
  /** Whether all instances of a service share the storage. If not, the module warns at start. */
  readonly shared: boolean;
  /**
   * Called once at start.
   *
   * @param warn logs a warning for the operator; the service starts nevertheless
   * @param clock the clock of the module, by which proofs are verified
   * @throws Error when the storage can never work; this ends the start
   */
  open?(warn: (text: string) => void, clock: Clock): void | Promise<void>;
  /** Rejects when the storage cannot be used at the moment. For health checks. */
  ping?(): Promise<void>;
  /** Called once at shutdown, after the last request has ended. */
  close?(): void | Promise<void>;
}
