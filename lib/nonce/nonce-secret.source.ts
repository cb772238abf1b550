/**
 * Where the secrets behind nonces come from: made for this process, configured, or shared by a fleet. Read for each
 * nonce and therefore synchronous: a source that fetches its secrets keeps them at hand.
 */
export interface NonceSecretSource {
  /** The secret that signs, first, then those that are still recognised; each of at least 32 octets. */
  secrets(): readonly Uint8Array[];
}
