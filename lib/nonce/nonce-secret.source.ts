/**
 * Supplies the secrets that sign nonces: generated, configured, or shared by a fleet. It is read for each nonce and is
 * therefore synchronous. A source that fetches its secrets must cache them.
 */
export interface NonceSecretSource {
  /** First the secret that signs, then those that are still recognised. Each has at least 32 bytes. */
  secrets(): readonly Uint8Array[];
}
