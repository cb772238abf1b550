import { hash } from 'node:crypto';

/** Half of a surrogate pair that stands alone. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * The hash under which a proof is remembered: SHA-256 of the client's key thumbprint and the `jti`, in base64url. The
 * key stands in it, so that no client can spend another's `jti`.
 *
 * JSON can hold halves of surrogate pairs that stand alone. They have no UTF-8, and a hash takes all of them for the same
 * replacement character. A `jti` that holds one is hashed in its JSON form, which escapes them. The separator
 * differs, so that no other `jti` has the same hash; the thumbprint before it is always of the same length.
 */
export function claimId(jkt: string, jti: string): string {
  const text = LONE_SURROGATE.test(jti) ? `${jkt}\u0001${JSON.stringify(jti)}` : `${jkt}\0${jti}`;
  return hash('sha256', text, 'base64url');
}
