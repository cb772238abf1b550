import { hash } from 'node:crypto';

/** A lone surrogate: half of a surrogate pair. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * The id of a replay record: SHA-256 of the thumbprint of the client's key and the `jti`, in base64url. It contains the
 * thumbprint, so that no client can use up the `jti` of another.
 *
 * A `jti` from JSON may contain lone surrogates. UTF-8 cannot encode them: a hash function would read each of them as the
 * same replacement character. Such a `jti` is hashed in its JSON form, which escapes them, after another separator. The
 * thumbprint has a fixed length, so that no two different pairs yield the same text.
 */
export function claimId(jkt: string, jti: string): string {
  const text = LONE_SURROGATE.test(jti) ? `${jkt}\u0001${JSON.stringify(jti)}` : `${jkt}\0${jti}`;
  return hash('sha256', text, 'base64url');
}
