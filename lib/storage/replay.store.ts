/** One accepted proof, to be remembered. */
export interface ReplayClaim {
  /** SHA-256 of the client's key thumbprint and the proof's `jti`: 43 characters of base64url, whatever was sent. */
  readonly id: string;
  /** Thumbprint of the client's key, base64url. The same for every proof of one client. */
  readonly jkt: string;
  /** The present, in seconds, by the clock that judged the proof fresh. */
  readonly nowSeconds: number;
  /**
   * The time that the proof names, rounded up to a second: its `iat`, or the end of its nonce where that decides how
   * fresh it is. The same for every instance that is sent the proof, whatever its options: file records by it, and
   * instances with another `maxAgeSeconds` find them.
   */
  readonly proofTimeSeconds: number;
  /** The last second, rounded up, at which the proof is fresh. The record must outlive it. */
  readonly freshUntilSeconds: number;
  /** The longest that a proof seen at some instant can stay fresh after it. */
  readonly lifetimeSeconds: number;
  /** The memory under which the proof's nonce was handed out, if it has a nonce. */
  readonly epoch: string | undefined;
}

/**
 * - `first`: never seen before, and recorded now.
 * - `replayed`: seen before.
 * - `unknown`: the store lost what it knew at a time for which it cannot tell; nothing was recorded. A nonce handed
 *   out under the store's present memory proves that the proof is new.
 */
export type ReplayOutcome = 'first' | 'replayed' | 'unknown';

/**
 * Remembers accepted proofs. A port: implement it to keep the memory elsewhere.
 *
 * @see RFC 9449 §11.1
 */
export abstract class ReplayStore {
  /**
   * How long a claim may take, in milliseconds, 1 to 60000, default 250. The library gives up a claim, or a look at the
   * memory, that takes longer: the request is refused with 503. What `claim` returns without a promise is not timed.
   */
  readonly deadlineMs?: number;

  /**
   * Records a proof unless it is recorded, in one atomic step for all processes that share the store.
   *
   * @throws DpopUnavailableError, or anything else, when the store cannot tell: the request is refused with 503
   */
  abstract claim(claim: ReplayClaim): ReplayOutcome | Promise<ReplayOutcome>;

  /**
   * The name of the store's unbroken memory, as far as it is known here: 6 octets as 8 characters of base64url. It
   * changes when what was known is lost. Nonces carry it. Where memory is kept in parts, that of the client's part.
   */
  abstract epochOf(jkt: string): string;

  /**
   * Called before a client that has proved to hold its key is asked for a nonce: whoever keeps memory elsewhere may look
   * whether it is still the same, lest the nonce name one that was lost. Never fails; ends within the store's deadline.
   */
  refreshEpoch?(jkt: string): Promise<void>;
}
