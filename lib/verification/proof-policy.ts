/** What an endpoint of an authorization server requires of proofs. */
export interface ProofPolicy {
  /** What happens to a request without a proof: `refuse`, or `accept` where clients may ask for Bearer tokens. */
  readonly absentProof: 'refuse' | 'accept';
  /** Whether a proof must carry a nonce of this server. A nonce that is sent must be valid in both cases. */
  readonly nonce: 'off' | 'required';
}

/** One policy over another. The lower one decides what the upper one leaves out or undefined. */
export function overlayProofPolicy(lower: ProofPolicy, upper: Partial<ProofPolicy>): ProofPolicy {
  return Object.freeze({
    absentProof: upper.absentProof ?? lower.absentProof,
    nonce: upper.nonce ?? lower.nonce,
  });
}
