const PRIVATE_MEMBERS: ReadonlySet<string> = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']);

/** Whether a JWK has a private or symmetric member with any value (RFC 7518 §6, RFC 8037, RFC 9864). */
export function isPrivateJwk(jwk: object): boolean {
  return Object.keys(jwk).some((member) => PRIVATE_MEMBERS.has(member));
}
