import { DpopError } from '../errors/dpop.error.js';
import type { DpopRequest } from './dpop-request.js';
import { normalizeEscapes } from './http-uri.js';

/**
 * Printable ASCII without `#`. With a `#`, white space or a byte beyond ASCII, even in the query, Express parses the
 * target with `url.parse`, which reads `//x@y/admin` as the path `/admin`.
 */
const TARGET_CHARACTERS = /^[!"$-~]+$/;
/** The comparison of `htu` removes dot segments, and no router does. For routers with the delimiter `;`, `..;` is one. */
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:[/;]|$)/i;
/**
 * An absolute-form target that every framework reads alike. `url.parse` reads a malformed port as part of the path, and
 * escapes some characters of the path.
 */
const ABSOLUTE_FORM =
  /^https?:\/\/(?:[\w\-.]+|\[[\d:A-Fa-f.]+\])(?::\d{1,5})?((?:\/[\w\-.~%!$&()*+,;=:@/]*)?)(?=\?|$)/;

/**
 * The path of a request target, without its query and otherwise as received. The path that is compared with `htu` must be
 * the path that is routed. The target is never parsed with `URL`, for which `//host/a` names another host.
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
 * Asserts that the framework routes a path with escapes like its normal form, because the comparison of `htu` treats
 * both as equal.
 *
 * @throws DpopError when the framework routes them differently
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
  // Frameworks disagree about `http://a?b/c`: one routes it to /?b/c, another to /c. No honest client sends it.
  if (path === undefined || (path === '' && target.includes('?'))) throw new DpopError('target_unusable');
  return path || '/';
}
