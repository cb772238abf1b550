import { DpopError } from '../errors/dpop.error.js';
import type { DpopRequest } from './dpop-request.js';
import { normalizeEscapes } from './http-uri.js';

/**
 * Printable ASCII but `#`. For a `#`, white space or an octet beyond ASCII, in the query too, Express has its target
 * read by `url.parse`, which takes `//x@y/admin` for the path `/admin`.
 */
const TARGET_CHARACTERS = /^[!"$-~]+$/;
/** No router removes dot segments, while the comparison of `htu` does. With `;` as a delimiter, `..;` is one. */
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:[/;]|$)/i;
/**
 * An absolute-form target that no framework reads in another way than this one: `url.parse` takes what is no port for
 * a part of the path, and escapes some characters of the path.
 */
const ABSOLUTE_FORM =
  /^https?:\/\/(?:[\w\-.]+|\[[\d:A-Fa-f.]+\])(?::\d{1,5})?((?:\/[\w\-.~%!$&()*+,;=:@/]*)?)(?=\?|$)/;

/**
 * The path of a request target, without its query and otherwise as received. What it means must be beyond doubt, for
 * what is compared must be what is routed. It never passes through `URL`: `//host/a` would change the host there.
 *
 * @throws DpopError for a target that is neither origin-form nor a plain absolute-form (RFC 9112 §3.2), or that routers
 *   may read in different ways
 */
export function parseRequestPath(target: string): string {
  if (!TARGET_CHARACTERS.test(target)) throw new DpopError('target_unusable');
  const path = target.startsWith('/') ? withoutQuery(target) : pathOfAbsoluteForm(target);
  if (DOT_SEGMENT.test(path)) throw new DpopError('target_unusable');
  return path;
}

/**
 * Holds a path that has escapes to its normal form: the comparison of `htu` takes the two for one, and so must the router.
 *
 * @throws DpopError for a path that the framework routes in another way than its normal form
 */
export function assertRoutedAsCompared(path: string, request: DpopRequest): void {
  if (!path.includes('%')) return;
  const normal = normalizeEscapes(path) ?? path;
  if (normal !== path && request.areRoutedAlike?.(path, normal) === false)
    throw new DpopError('target_unusable');
}

function withoutQuery(target: string): string {
  const end = target.indexOf('?');
  return end === -1 ? target : target.slice(0, end);
}

function pathOfAbsoluteForm(target: string): string {
  const path = ABSOLUTE_FORM.exec(target)?.[1];
  // Frameworks disagree about `http://a?b/c`: one routes it to /?b/c, another to /c. Nobody sends it in good faith.
  if (path === undefined || (path === '' && target.includes('?'))) throw new DpopError('target_unusable');
  return path || '/';
}
