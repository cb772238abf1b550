/** What a good nonce says. */
export interface AcceptedNonce {
  /** The end of its life, in seconds since the epoch. */
  readonly expiresAtSeconds: number;
  /** The replay memory under which it was handed out. */
  readonly epoch: string;
  /** Whether the client should get a fresh one before this one runs out (§8.2). */
  readonly renewalDue: boolean;
}

/**
 * Hands out nonces and recognises them. A port, and injectable: an app may hand out a nonce on any route of its own.
 *
 * @see RFC 9449 §8, §9 and §11.3
 */
export abstract class NonceService {
  /**
   * A nonce that is accepted from now on.
   *
   * @param memory the replay memory it is handed out under, see `ReplayStore.epochOf`
   */
  abstract issue(epoch?: string): string;

  /** What the nonce says, or `undefined` when it is unknown, tampered with, expired or of another service. */
  abstract check(nonce: string): AcceptedNonce | undefined;

  /** The longest a nonce can live, in seconds. */
  abstract readonly maxLifetimeSeconds: number;
}
