/** A proof that has passed all other checks, to be recorded. */
export interface ReplayClaim {
  /** SHA-256 of the thumbprint of the client's key and the `jti` of the proof: always 43 characters of base64url. */
  readonly id: string;
  /** The thumbprint of the client's key (RFC 7638), base64url. The same for every proof of one client. */
  readonly jkt: string;
  /** The present, in seconds since the Unix epoch, by the clock that verified the proof. */
  readonly nowSeconds: number;
  /**
   * The time of the proof, rounded up to a second: its `iat`, or the expiry of its nonce with `freshness: 'nonce'`. It is
   * the same on every instance. Store records under this time, so that instances with another `maxAgeSeconds` find them.
   */
  readonly proofTimeSeconds: number;
  /** The last second, rounded up, in which the proof is fresh. Keep the record longer than that. */
  readonly freshUntilSeconds: number;
  /** How many seconds after its acceptance any proof can stay fresh. */
  readonly lifetimeSeconds: number;
  /** The epoch of the store in which the nonce of the proof was issued, if the proof has a nonce. */
  readonly epoch: string | undefined;
  /**
   * Set for a ticket, which anyone who reads it can use: the answer is `unknown` if it may have been used before a loss, also
   * in a store that accepts such proofs. `epoch` is that in which the ticket was issued.
   */
  readonly afterDataLoss?: 'refuse';
}

/**
 * - `first`: the proof had no record, and has one now.
 * - `replayed`: the proof has a record.
 * - `unknown`: the store may have lost the record of this proof, and has recorded nothing. The service then demands a
 *   nonce. A nonce of the store's present epoch shows that the proof was made after the loss.
 */
export type ReplayOutcome = 'first' | 'replayed' | 'unknown';

/**
 * Records accepted proofs. A port: implement it to use another store.
 *
 * @see RFC 9449 §11.1
 */
export abstract class ReplayStore {
  /**
   * How long a call of `claim` or `refreshEpoch` may take, in milliseconds, 1 to 60000, default 250. A claim that takes
   * longer is answered with 503. The limit applies only to calls that return a promise.
   */
  readonly deadlineMs?: number;

  /**
   * Records a proof unless it has a record, in one atomic step for all processes that share the store.
   *
   * @throws DpopUnavailableError, or any other error, when the store fails; the service answers 503
   */
  abstract claim(claim: ReplayClaim): ReplayOutcome | Promise<ReplayOutcome>;

  /**
   * The epoch of the store, as this process knows it: 6 bytes as 8 characters of base64url. The store changes it when it
   * loses records. Nonces carry it. A store in several parts returns the epoch of the client's part.
   */
  abstract epochOf(jkt: string): string;

  /**
   * Called before the service demands a nonce from a client that has proved possession of its key. The store can read its
   * epoch again, so that the nonce carries the present one. Must not reject, and must end within the deadline.
   */
  refreshEpoch?(jkt: string): Promise<void>;
}
