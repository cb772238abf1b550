const PRIVATE_MEMBERS: ReadonlySet<string> = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']);

/** Whether a JWK holds a private or symmetric member, whatever its value (RFC 7518 §6, RFC 8037, RFC 9864). */
export function isPrivateJwk(jwk: object): boolean {
  return Object.keys(jwk).some((member) => PRIVATE_MEMBERS.has(member));
}
