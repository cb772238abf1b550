import { normalizeEscapes } from '../http/http-uri.js';

/** The well-known path of the metadata of a resource without a path. */
export const METADATA_PATH = '/.well-known/oauth-protected-resource';

/**
 * The path at which a resource has its metadata: the well-known path, then the path of the resource. In the normal form of
 * its escapes.
 *
 * @param resource the identifier, an absolute URL
 * @see RFC 9728 §3.1
 */
export function metadataPathOf(resource: string): string {
  const { pathname } = new URL(resource);
  return pathname === '/' ? METADATA_PATH : METADATA_PATH + (normalizeEscapes(pathname) ?? pathname);
}

/** The URL at which a resource has its metadata, as challenges name it. */
export function metadataUrlOf(resource: string): string {
  return new URL(resource).origin + metadataPathOf(resource);
}
