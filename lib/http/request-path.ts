import { DpopError } from '../errors/dpop.error.js';

/** An absolute-form target whose authority no framework can read in another way than this one. */
const ABSOLUTE_FORM = /^https?:\/\/[\dA-Za-z\-._~:[\]]+(?=\/|$)/;

/**
 * The path of a request target, without query and fragment and otherwise as received. It never passes through `URL`:
 * `//host/a` and `http://host/a` would change the host there.
 *
 * @throws DpopError for a target that is neither origin-form nor a plain absolute-form (RFC 9112 §3.2)
 */
export function parseRequestPath(target: string): string {
  const pathAndQuery = target.startsWith('/') ? target : stripAuthority(target);
  const end = pathAndQuery.search(/[?#]/);
  return end === -1 ? pathAndQuery : pathAndQuery.slice(0, end);
}

function stripAuthority(target: string): string {
  const authority = ABSOLUTE_FORM.exec(target)?.[0];
  // Frameworks disagree about `http://a?b/c`: one routes it to /?b/c, another to /c. Nobody sends it in good faith.
  if (authority === undefined) throw new DpopError('target_unusable');
  return target.slice(authority.length) || '/';
}
