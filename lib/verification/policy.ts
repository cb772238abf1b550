/** What one route asks for, beyond a bound token and a proof. */
export interface DpopPolicy {
  /** Whether proofs must carry a nonce of ours. A nonce that is there must be good in either case. */
  readonly nonce: 'off' | 'required';
  /** Whether unbound tokens are accepted as `Bearer`, for services in transition. Bound ones never are. */
  readonly bearer: 'reject' | 'allow-unbound';
  /** Scopes that the token must have, all of them. */
  readonly scopes?: readonly string[];
  /** How the user must have been authenticated (RFC 9470). */
  readonly authentication?: AuthenticationRequirement;
}

/** One policy over another; what the upper one leaves out, or undefined, is as in the lower one. */
export function overlayPolicy(lower: DpopPolicy, upper: Partial<DpopPolicy>): DpopPolicy {
  const told = Object.entries(upper).filter(([, value]) => value !== undefined);
  return { ...lower, ...(Object.fromEntries(told) as Partial<DpopPolicy>) };
}

/** A demand for step-up authentication: RFC 9470 §3. */
export interface AuthenticationRequirement {
  /** One of these authentication context classes must stand in `acr`. */
  readonly acrValues?: readonly string[];
  /** The user's active authentication, `auth_time`, may be at most this old. */
  readonly maxAgeSeconds?: number;
}
