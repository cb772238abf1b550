import type { NonceSecretSource } from '../nonce/nonce-secret.source.js';
import type { Clock } from '../runtime/clock.js';
import type { ReplayStore } from './replay.store.js';

/** Where replay memory and the secrets of nonces live. */
export interface DpopStorage {
  readonly replayStore: ReplayStore;
  /** Secrets shared by a fleet. Without it, and without a configured secret, each process makes one of its own. */
  readonly nonceSecrets?: NonceSecretSource | undefined;
  /** Whether all instances of a service share it; if not, that is said at start. */
  readonly shared: boolean;
  /**
   * Called once at start.
   *
   * @param warn tells the operator what is not as it should be, and does not keep the service from starting
   * @param clock of the module: that by which proofs are judged
   * @throws Error for what no waiting mends: it ends the start
   */
  open?(warn: (text: string) => void, clock: Clock): void | Promise<void>;
  /** Rejects when it cannot be used at the moment; for health checks. */
  ping?(): Promise<void>;
  /** Called once at shutdown, after the last request ended. */
  close?(): void | Promise<void>;
}
