import { createConfig } from '../config/dpop-config.js';
import type { Clock } from '../runtime/clock.js';
import type { VerificationRules } from '../verification/verification-rules.js';

export interface ProofRuleChanges {
  /** Default: all that this Node can verify. */
  readonly algorithms?: readonly string[] | undefined;
  /** Default: as the module, 60. */
  readonly maxAgeSeconds?: number | undefined;
}

/** No token is verified by these rules. */
const NO_ISSUER = { issuer: 'https://issuer.invalid', audience: 'none' } as const;
/** ML-DSA-87, the largest, fits. */
const MAX_PROOF_BYTES = 16_384;

/** The limits of a service with default options. */
export const DEFAULT_LIMITS = { tokenBytes: 8192, proofBytes: 8192 } as const;

/** The rules by which a service with default options verifies the proofs for one URL. */
export function createProofRules(
  { origin }: URL,
  clock: Clock,
  { algorithms, maxAgeSeconds }: ProofRuleChanges = {},
): VerificationRules {
  return createConfig({
    origin,
    allowInsecureHttp: true,
    accessToken: NO_ISSUER,
    proof: {
      maxBytes: MAX_PROOF_BYTES,
      ...(algorithms !== undefined && { algorithms }),
      ...(maxAgeSeconds !== undefined && { maxAgeSeconds }),
    },
    clock,
  });
}
