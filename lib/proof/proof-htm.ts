import { DpopError } from '../errors/dpop.error.js';

/**
 * Check 8 of §4.3: `htm` equals the method, case-sensitive (RFC 9110 §9.1). It must equal the method as received and the
 * method by which the request was routed: with a method-override middleware, the client chooses the second one.
 */
export function assertHtm(htm: string, method: string, routedMethod = method): void {
  if (htm !== method || htm !== routedMethod) throw new DpopError('proof_htm', { detail: 'htm' });
}
