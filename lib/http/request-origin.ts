import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { isSecureBaseUrl, normalizeBaseUrl } from './base-url.js';
import type { DpopRequest } from './dpop-request.js';
import { isPlainAuthority } from './http-uri.js';

/** The source of the origin that clients sign: configured base URLs in normal form, the request, or a function. */
export type OriginOption = readonly string[] | 'request' | ((request: DpopRequest) => string);

/**
 * Returns the base URLs that a proof may name, in normal form.
 *
 * @throws DpopError when the request has no usable origin
 * @throws DpopUnavailableError when the function of the app fails
 */
export type OriginResolver = (request: DpopRequest) => readonly string[];

/** @param origin already parsed */
export function createOriginResolver(origin: OriginOption, allowInsecureHttp: boolean): OriginResolver {
  const resolve = createBaseUrlResolver(origin, allowInsecureHttp);
  return (request) => {
    const { baseUrl, servesHost } = request;
    const baseUrls = baseUrl === undefined ? resolve(request) : [baseUrl];
    return servesHost === undefined ? baseUrls : servedOf(baseUrls, servesHost);
  };
}

/** The client writes Host, and could use a proof for one host to reach the routes of another. */
function servedOf(baseUrls: readonly string[], servesHost: (hostname: string) => boolean): readonly string[] {
  const served = baseUrls.filter((baseUrl) => servesHost(new URL(baseUrl).hostname));
  if (served.length === 0) throw new DpopError('proof_htu', { detail: 'host', expected: baseUrls });
  return served;
}

function createBaseUrlResolver(origin: OriginOption, allowInsecureHttp: boolean): OriginResolver {
  if (origin === 'request') return (request) => [originOfRequest(request, allowInsecureHttp)];
  if (typeof origin === 'function')
    return (request) => [originOfFunction(origin, request, allowInsecureHttp)];
  return () => origin;
}

function originOfRequest(request: DpopRequest, allowInsecureHttp: boolean): string {
  const host = usableHostOf(request);
  if (host === undefined) throw new DpopError('host_unusable');
  const baseUrl = normalizeBaseUrl(`${request.protocol}://${host}`);
  if (baseUrl === undefined) throw new DpopError('host_unusable');
  if (!allowInsecureHttp && !isSecureBaseUrl(baseUrl)) throw new DpopError('https_required');
  return baseUrl;
}

/** The host by which the client came, as it wrote it. `undefined` unless it is a host with an optional port, sent once. */
export function usableHostOf({ host, rawHeaders }: DpopRequest): string | undefined {
  if (countHosts(rawHeaders) > 1) return undefined;
  return host !== undefined && isPlainAuthority(host) ? host : undefined;
}

/** Node uses the first of several Host fields; RFC 9112 §3.2 requires 400. */
function countHosts(rawHeaders: readonly string[]): number {
  return rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === 'host').length;
}

function originOfFunction(
  origin: (request: DpopRequest) => string,
  request: DpopRequest,
  allowInsecureHttp: boolean,
): string {
  let value: unknown;
  try {
    value = origin(request);
  } catch (cause) {
    throw new DpopUnavailableError('origin_unavailable', { cause });
  }
  const baseUrl = typeof value === 'string' ? normalizeBaseUrl(value) : undefined;
  if (baseUrl === undefined || !(allowInsecureHttp || isSecureBaseUrl(baseUrl))) {
    throw new DpopUnavailableError('origin_unavailable', {
      advice: 'the function of the option origin must return an https URL, such as "https://api.example.com"',
    });
  }
  return baseUrl;
}
