/** What a route requires beyond a bound token and a proof. */
export interface DpopPolicy {
  /** Whether a proof must carry a nonce that this service issued. A nonce that is sent must be valid in both cases. */
  readonly nonce: 'off' | 'required';
  /** Whether unbound tokens are accepted as `Bearer`, while a service migrates. A bound token never is. */
  readonly bearer: 'reject' | 'allow-unbound';
  /** Scopes that the token must have, all of them. */
  readonly scopes?: readonly string[];
  /** How the user must have been authenticated (RFC 9470). */
  readonly authentication?: AuthenticationRequirement;
}

/** Whether a request of this policy may use the scheme Bearer. A service that forbids it overrules every policy. */
export function permitsBearer(
  { bearer }: DpopPolicy,
  { forbidsBearer }: { readonly forbidsBearer: boolean },
): boolean {
  return bearer === 'allow-unbound' && !forbidsBearer;
}

/** One policy over another. The lower one decides what the upper one leaves out or undefined. */
export function overlayPolicy(lower: DpopPolicy, upper: Partial<DpopPolicy>): DpopPolicy {
  const defined = Object.entries(upper).filter(([, value]) => value !== undefined);
  return { ...lower, ...(Object.fromEntries(defined) as Partial<DpopPolicy>) };
}

/** A requirement for step-up authentication: RFC 9470 §3. */
export interface AuthenticationRequirement {
  /** `acr` of the token must be one of these authentication context classes. */
  readonly acrValues?: readonly string[];
  /** The user's last active authentication, `auth_time`, may be at most this old. */
  readonly maxAgeSeconds?: number;
}
