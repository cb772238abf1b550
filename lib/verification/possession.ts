import type { ProofClaims } from '../proof/proof-claims.js';
import type { ReplayClaim } from '../storage/replay.store.js';
import type { DpopVerdict } from './verdict.js';

/** What one request has proved, and what of it is to be remembered once it is accepted. */
export interface Possession {
  readonly verdict: DpopVerdict;
  readonly proof: SpentProof | undefined;
  /** Remembers the token and the client's key, as far as they were not known. */
  readonly learn: () => void | Promise<void>;
}

/** Its times are not rounded yet. */
export type SpentProof = Pick<ReplayClaim, 'jkt' | 'proofTimeSeconds' | 'freshUntilSeconds' | 'epoch'> &
  Pick<ProofClaims, 'jti'>;
