/** The content of a valid nonce. */
export interface AcceptedNonce {
  /** When the nonce expires, in seconds since the Unix epoch. */
  readonly expiresAtSeconds: number;
  /** The epoch of the replay store in which the nonce was issued. */
  readonly epoch: string;
  /** Whether the service should supply a new nonce before this one expires (§8.2). */
  readonly renewalDue: boolean;
}

/**
 * Issues nonces and recognises them. A port, and injectable: an app may issue a nonce on any route.
 *
 * @see RFC 9449 §8, §9 and §11.3
 */
export abstract class NonceService {
  /**
   * Issues a nonce, which is valid at once.
   *
   * @param epoch the epoch of the replay store, see `ReplayStore.epochOf`
   */
  abstract issue(epoch?: string): string;

  /** The content of the nonce; `undefined` when it is malformed, forged, expired or from another service. */
  abstract check(nonce: string): AcceptedNonce | undefined;

  /** The maximum lifetime of a nonce, in seconds. */
  abstract readonly maxLifetimeSeconds: number;
}
