import type { ArgumentsHost } from '@nestjs/common';
import { transportOf } from '../transport/transport.js';
import type { DpopProofVerdict } from '../verification/proof-verdict.js';
import { proofOn } from '../verification/request-record.js';

/**
 * The verdict of `DpopProofGuard` on a request, for guards, interceptors and filters of an authorization server. `undefined`
 * for a request without a proof, and if no `DpopProofGuard` let it through.
 */
export function getDpopProof(context: ArgumentsHost): DpopProofVerdict | undefined {
  return proofOn(transportOf(context)?.request)?.verdict;
}
