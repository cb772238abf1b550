import { AsyncLocalStorage } from 'node:async_hooks';
import { createHmac, hash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { HttpException, Logger } from '@nestjs/common';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { toFailureException } from '../guard/failure-exception.js';
import { getDpopVerdict } from '../guard/get-dpop-verdict.js';
import { isObject } from '../http/is-object.js';
import { nodeRequestOf } from '../http/node-request.js';
import { OperatorLog } from '../telemetry/operator-log.js';
import { isAnonymous } from '../verification/request-record.js';
import type { DpopVerdict } from '../verification/verdict.js';

type Handle = (request: unknown, response: unknown) => Promise<void> | void;

/** The handlers of an MCP endpoint, as a transport of @rekog/mcp-nest has them. */
export interface McpEndpointHandlers {
  readonly handlePost: Handle;
  readonly handleGet: Handle;
  readonly handleDelete: Handle;
}

/** Anything that has the handlers of an MCP endpoint: a `StreamableHttpTransport`. */
export interface McpEndpointSource {
  readonly httpHandlers: McpEndpointHandlers;
}

const logger = new Logger('McpSessions');

const UNVERIFIED = 'unverified';
const ANONYMOUS = 'anonymous';

/**
 * Ties the sessions of a stateful MCP server to the clients that open them: to issuer, subject, client and key. The id of a
 * session names its owner by an HMAC, and nothing is stored. A request of somebody else in a session is answered as one in
 * a session that does not exist.
 *
 * @example
 * ```ts
 * const sessions = new McpSessions();
 * const transport = new StreamableHttpTransport({
 *   statefulMode: true,
 *   sessionIdGenerator: sessions.createId,
 * });
 *
 * @UseGuards(DpopMcpGuard)
 * @Controller('mcp')
 * export class McpEndpoint extends McpHttpControllerFor(sessions.bind(transport)) {}
 * ```
 */
export class McpSessions {
  /** The sessions themselves live in this process, too. */
  readonly #key = randomBytes(32);
  readonly #opener = new AsyncLocalStorage<string>();

  /**
   * For the option `sessionIdGenerator` of the transport.
   *
   * @throws TypeError outside of a request to the endpoint that `bind` returned
   */
  readonly createId = (): string => {
    const owner = this.#opener.getStore();
    if (owner === undefined) {
      throw new TypeError(
        'McpSessions.createId must be called by a transport whose controller is made of McpSessions.bind(transport)',
      );
    }
    const id = randomUUID();
    return `${id}.${this.#seal(id, owner)}`;
  };

  /** The same endpoint, in which each session answers to its owner only. Put `DpopMcpGuard` or `DpopGuard` on the controller. */
  bind(source: McpEndpointSource): McpEndpointSource {
    const { handlePost, handleGet, handleDelete } = source.httpHandlers;
    return {
      httpHandlers: {
        handlePost: this.#guard(handlePost),
        handleGet: this.#guard(handleGet),
        handleDelete: this.#guard(handleDelete),
      },
    };
  }

  #guard(handle: Handle): Handle {
    return async (request, response) => {
      const client = clientOf(request, response);
      const sessionId = sessionIdOf(request);
      if (sessionId !== undefined && !this.#admits(client, sessionId)) throw sessionNotFound();
      await this.#opener.run(client, () => handle(request, response));
    };
  }

  /** Report mode refuses no request, and ties no session to a client that it could not verify. */
  #admits(client: string, sessionId: string): boolean {
    return client === UNVERIFIED || [client, UNVERIFIED].some((owner) => this.#isOwned(sessionId, owner));
  }

  #isOwned(sessionId: string, owner: string): boolean {
    const end = sessionId.indexOf('.');
    const presented = Buffer.from(sessionId.slice(end + 1));
    const expected = Buffer.from(this.#seal(sessionId.slice(0, end), owner));
    return presented.length === expected.length && timingSafeEqual(presented, expected);
  }

  #seal(id: string, owner: string): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([id, owner]))
      .digest('base64url');
  }
}

/** Who opens a session or continues it. No two names of clients are equal, and none is one of the two constants. */
function clientOf(request: unknown, response: unknown): string {
  const verdict = isObject(request) ? getDpopVerdict(request) : undefined;
  if (verdict !== undefined) return verdict.enforced ? describeClient(verdict) : UNVERIFIED;
  if (isAnonymous(request)) return ANONYMOUS;
  const failure = new DpopUnavailableError('verdict_missing', {
    advice: 'put @UseGuards(DpopMcpGuard) on the controller of the MCP endpoint',
  });
  OperatorLog.ofRequest(request).failed((level, text) => logger[level](text), failure, {});
  throw toFailureException(failure, isObject(response) ? response : undefined);
}

function describeClient({ issuer, subject, clientId, jkt, token }: DpopVerdict): string {
  // An unbound token has no key: its session ends with it.
  return JSON.stringify([issuer, subject, clientId, jkt ?? hash('sha256', token)]);
}

/** From the same headers as the transport reads. Several fields are one value with commas, which is no id. */
function sessionIdOf(request: unknown): string | undefined {
  const headers = nodeRequestOf(request)?.headers as IncomingHttpHeaders | undefined;
  return headers?.['mcp-session-id']?.toString();
}

/** Word for word what the transport answers for an unknown session: nobody learns whether another's id is right. */
function sessionNotFound(): HttpException {
  return new HttpException(
    { jsonrpc: '2.0', error: { code: -32_001, message: 'Session not found' }, id: null },
    404,
  );
}
