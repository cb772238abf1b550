import { Logger } from '@nestjs/common';
import type { AbstractHttpAdapter, ModulesContainer } from '@nestjs/core';
import type { DpopConfig } from '../config/dpop-config.js';
import type { ServedMetadata } from '../config/metadata-parser.js';
import { DpopError, DpopUnavailableError, toDpopError } from '../errors/dpop.error.js';
import { normalizeEscapes } from '../http/http-uri.js';
import { nodeRequestOf } from '../http/node-request.js';
import { parseRequestPath } from '../http/request-path.js';
import { formatMetadata, type MetadataMembers } from '../metadata/metadata-document.js';
import { METADATA_PATH } from '../metadata/metadata-url.js';
import { OperatorLog } from '../telemetry/operator-log.js';
import { toDpopRequest } from '../transport/http-dpop-request.js';
import { configOf, registrationsIn } from './container.js';
import { surveyDemands } from './route-survey.js';

const MAX_AGE_SECONDS = 3600;

/** A registration of the module that serves metadata. */
interface Service {
  readonly config: DpopConfig;
  readonly metadata: ServedMetadata;
  readonly members: MetadataMembers;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly cacheControl: string;
  readonly retryAfterSeconds?: number;
}

const NOT_FOUND: Answer = {
  status: 404,
  body: JSON.stringify({ statusCode: 404, message: 'Not Found' }),
  cacheControl: 'no-store',
};

/**
 * Serves protected resource metadata for all registrations of the module in one app. It is a route of the platform, not
 * of Nest: no global prefix, version, guard, interceptor or filter of the app applies to it.
 *
 * @see RFC 9728 §3
 */
export class MetadataEndpoint {
  readonly #services: readonly Service[];
  readonly #adapter: AbstractHttpAdapter;
  readonly #logger = new Logger('DpopModule');

  /** @throws TypeError for two registrations that serve metadata at the same path */
  constructor(modules: ModulesContainer, adapter: AbstractHttpAdapter) {
    this.#adapter = adapter;
    this.#services = registrationsIn(modules)
      .map(configOf)
      .flatMap((config) =>
        config?.metadata === undefined ? [] : [toService(modules, config, config.metadata)],
      );
    assertDistinct(this.#services.map(({ metadata }) => metadata.resources.paths));
  }

  /**
   * Registers the routes, if there is something to serve. Called before Nest registers its own, which could otherwise
   * shadow them.
   *
   * @throws TypeError for a platform other than Express and Fastify
   */
  register(): void {
    if (this.#services.length === 0) return;
    const hasSubPaths = this.#services.some(
      ({ metadata: { resources } }) => resources.paths?.every((path) => path === METADATA_PATH) !== true,
    );
    const platform = this.#adapter.getType();
    if (platform === 'express') {
      // Express answers HEAD by the same route.
      this.#adapter.get(hasSubPaths ? `${METADATA_PATH}{/*path}` : METADATA_PATH, this.#handle);
    } else if (platform === 'fastify') {
      for (const path of hasSubPaths ? [METADATA_PATH, `${METADATA_PATH}/*`] : [METADATA_PATH]) {
        // Before GET, for which Fastify adds HEAD only if there is none.
        this.#adapter.head(path, this.#handle);
        this.#adapter.get(path, this.#handle);
      }
    } else {
      throw new TypeError(
        `metadata must be { url } on the platform ${platform}: the library serves the document on Express and Fastify only`,
      );
    }
  }

  readonly #handle = (request: object, response: object, next?: unknown): void => {
    const path = pathOf(request);
    const answer = path === undefined ? undefined : this.#answer(path, request);
    // Below the well-known path, Express may have a route of the app for what is no resource. Fastify finds it by itself.
    if (answer === undefined && typeof next === 'function') next();
    else this.#reply(response, answer ?? NOT_FOUND);
  };

  /** `undefined` for a path without metadata. */
  #answer(path: string, request: object): Answer | undefined {
    for (const { config, metadata, members } of this.#services) {
      const { paths, resourceAt, differsByRequest } = metadata.resources;
      try {
        const resource = resourceAt(path, () => readRequest(request));
        if (resource === undefined && paths?.includes(path) !== true) continue;
        if (resource === undefined) return NOT_FOUND;
        const body = formatMetadata(resource, members);
        // The sender writes the host: a cache for several clients must not keep what depends on it.
        const cacheControl = `${differsByRequest ? 'private' : 'public'}, max-age=${MAX_AGE_SECONDS}`;
        return { status: 200, body, cacheControl };
      } catch (thrown) {
        const error = toDpopError(thrown);
        return error instanceof DpopError ? NOT_FOUND : this.#fail(config, error);
      }
    }
    return undefined;
  }

  #fail(config: DpopConfig, error: DpopUnavailableError): Answer {
    const { status, code, message, retryAfterSeconds } = error;
    OperatorLog.of(config).failed((level, text) => this.#logger[level](text), error, {
      route: METADATA_PATH,
    });
    const body = JSON.stringify({ statusCode: status, message, code });
    return { status, body, cacheControl: 'no-store', retryAfterSeconds };
  }

  #reply(response: object, { status, body, cacheControl, retryAfterSeconds }: Answer): void {
    const adapter = this.#adapter;
    const set = (name: string, value: string): unknown => adapter.setHeader?.(response, name, value);
    set('Content-Type', 'application/json');
    set('Cache-Control', cacheControl);
    if (retryAfterSeconds !== undefined) set('Retry-After', String(retryAfterSeconds));
    // The document is public. The app's own CORS takes precedence.
    const allowed: unknown = adapter.getHeader?.(response, 'Access-Control-Allow-Origin');
    if (allowed === undefined) set('Access-Control-Allow-Origin', '*');
    adapter.reply(response, body, status);
  }
}

function toService(modules: ModulesContainer, config: DpopConfig, metadata: ServedMetadata): Service {
  const demands = surveyDemands(modules, config.policy);
  const members = {
    ...metadata,
    scopes: metadata.scopes ?? demands.scopes,
    proofAlgorithms: config.proof.algorithms,
    proofAlwaysRequired: !demands.allowsBearer,
  };
  return { config, metadata, members };
}

/** Two registrations at one path would hide each other's document. `undefined` paths are any path. */
function assertDistinct(all: readonly (readonly string[] | undefined)[]): void {
  const known = new Set<string>();
  for (const paths of all) {
    const repeated = paths?.find((path) => known.has(path));
    if (repeated !== undefined || (paths === undefined && all.length > 1)) {
      throw new TypeError(
        `metadata must be served by one registration of DpopModule at each path, but several serve ${repeated ?? METADATA_PATH}. ` +
          'Set metadata.resource of each registration to a URL with a path of its own, or leave metadata out in all but one',
      );
    }
    paths?.forEach((path) => known.add(path));
  }
}

/** The path by which the platform routed the request: what a proxy or `rewriteUrl` made of it. */
function pathOf(request: object): string | undefined {
  const url = nodeRequestOf(request)?.url;
  if (typeof url !== 'string') return undefined;
  try {
    return normalizeEscapes(parseRequestPath(url));
  } catch {
    return undefined;
  }
}

function readRequest(request: object): NonNullable<ReturnType<typeof toDpopRequest>> {
  const dpopRequest = toDpopRequest(request);
  if (dpopRequest === undefined) throw new DpopUnavailableError('transport_unknown');
  return dpopRequest;
}
