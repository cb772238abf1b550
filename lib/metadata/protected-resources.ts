import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { normalizeBaseUrl } from '../http/base-url.js';
import { type OriginResolver, usableHostOf } from '../http/request-origin.js';
import { METADATA_PATH, metadataPathOf, metadataUrlOf } from './metadata-url.js';

/** The resource identifiers of a service (RFC 9728), and which of them a request is about. */
export interface ProtectedResources {
  /** The paths of the metadata; `undefined` if each request tells its own. */
  readonly paths: readonly string[] | undefined;
  /** Whether the resource at a path depends on more than the path, such as the host. */
  readonly differsByRequest: boolean;
  /**
   * The resource whose metadata a client wants that asks for this path. `undefined` for a path or a host without one.
   *
   * @param request called only if more than the path decides
   * @throws DpopError when the request has no usable origin
   * @throws DpopUnavailableError when the function of the app fails
   */
  readonly resourceAt: (path: string, request: () => DpopRequest) => string | undefined;
  /** The URL for challenges: one for all requests, or a function of the request, which never throws. */
  readonly challengeUrl: string | ((request: DpopRequest | undefined) => string | undefined);
}

/** One resource for all requests. Nothing of the request but its path matters. */
export function singleResource(resource: string): ProtectedResources {
  const path = metadataPathOf(resource);
  return {
    paths: [path],
    differsByRequest: false,
    resourceAt: (requested) => (requested === path ? resource : undefined),
    challengeUrl: metadataUrlOf(resource),
  };
}

/**
 * Several resources. The host by which the client came tells which; the client writes it, so only the listed ones count.
 *
 * @param resources base URLs in normal form
 */
export function listedResources(resources: readonly string[]): ProtectedResources {
  const listed = resources.map((resource) => {
    const { protocol, origin } = new URL(resource);
    return { resource, protocol, origin, path: metadataPathOf(resource), url: metadataUrlOf(resource) };
  });
  type Listed = (typeof listed)[number];
  const arrival = (among: readonly Listed[], request: DpopRequest): Listed | undefined => {
    const host = usableHostOf(request);
    if (host === undefined) return undefined;
    // The scheme does not decide: a service behind a proxy that ends TLS sees http.
    const came = among.filter(({ protocol, origin }) => normalizeBaseUrl(`${protocol}//${host}`) === origin);
    return came.find(({ protocol }) => protocol === `${request.protocol}:`) ?? came[0];
  };
  return {
    paths: [...new Set(listed.map(({ path }) => path))],
    differsByRequest: true,
    resourceAt: (path, request) => {
      const atPath = listed.filter((item) => item.path === path);
      return atPath.length === 0 ? undefined : arrival(atPath, request())?.resource;
    },
    challengeUrl: (request) => ((request && arrival(listed, request)) ?? listed[0])?.url,
  };
}

/**
 * The origin of the request, or what the function of the app returns.
 *
 * @param resolve the origin that a proof has to name
 * @param hasPath whether an origin may have a path
 */
export function resolvedResources(resolve: OriginResolver, hasPath: boolean): ProtectedResources {
  return {
    paths: hasPath ? undefined : [METADATA_PATH],
    differsByRequest: true,
    resourceAt: (path, request) => {
      if (!hasPath && path !== METADATA_PATH) return undefined;
      const [resource] = resolve(request());
      return resource !== undefined && metadataPathOf(resource) === path ? resource : undefined;
    },
    challengeUrl: (request) => {
      if (request === undefined) return undefined;
      try {
        const [resource] = resolve(request);
        return resource === undefined ? undefined : metadataUrlOf(resource);
      } catch (error) {
        // The refusal is being described; its challenge goes without the URL.
        if (error instanceof DpopError || error instanceof DpopUnavailableError) return undefined;
        throw error;
      }
    },
  };
}
