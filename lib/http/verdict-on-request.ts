import type { DpopVerdict } from '../dpop.verdict.js';

/** Beside the request, not on it: neither middleware nor a body parser can forge what is found here. */
const verdicts = new WeakMap<object, DpopVerdict>();

export function leaveVerdict(request: object, verdict: DpopVerdict): void {
  verdicts.set(request, verdict);
}

/** The verdict on a request that a guard let through. */
export function verdictOn(request: unknown): DpopVerdict | undefined {
  return typeof request === 'object' && request !== null ? verdicts.get(request) : undefined;
}
