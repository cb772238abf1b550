import { type ExecutionContext, Injectable } from '@nestjs/common';
import type { DpopErrorCode } from '../errors/catalogue.js';
import { DpopError, type DpopUnavailableError } from '../errors/dpop.error.js';
import type { DpopActivation } from '../guard/activation.js';
import type { DpopHttpException } from '../guard/dpop-http.exception.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import { isObject } from '../http/is-object.js';
import { CalledHandlers, type McpHandler } from './called-handlers.js';

/** The codes that another token may answer (RFC 6750 §3). */
const CODES_WITH_SCOPE: ReadonlySet<DpopErrorCode> = new Set([
  'credentials_missing',
  'invalid_token',
  'insufficient_scope',
]);

/**
 * The guard of an MCP endpoint. It requires what the endpoint requires, and what the called tool or prompt requires: as an
 * answer to the HTTP request, with the status and the challenge that clients act on. A guard on the tool alone can only
 * write its refusal into the result of the call.
 *
 * @example
 * ```ts
 * const transport = new StreamableHttpTransport();
 *
 * @UseGuards(DpopMcpGuard)
 * @Controller('mcp')
 * export class McpEndpoint extends McpHttpControllerFor(transport) {}
 * ```
 * @throws DpopHttpException with the status and the code of the refusal; challenge and nonce are in the headers
 */
@Injectable()
export class DpopMcpGuard extends DpopGuard {
  private handlers: CalledHandlers | undefined;
  /** The endpoint of each context that stands for a called handler. */
  private readonly endpoints = new WeakMap<ExecutionContext, ExecutionContext>();

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    await super.canActivate(context);
    // All controllers are registered before the first request.
    this.handlers ??= new CalledHandlers(this.modules);
    const request: unknown = context.switchToHttp().getRequest();
    const called = this.handlers.in(isObject(request) ? request['body'] : undefined);
    for (const handler of called) {
      const contextOfHandler = atHandler(context, handler);
      this.endpoints.set(contextOfHandler, context);
      await super.canActivate(contextOfHandler);
    }
    return true;
  }

  /**
   * The challenge of a refusal for the token names the scopes for which the client should ask: those of the endpoint, and
   * those of the called handler. A token with the latter alone would be refused next.
   */
  protected override refuse(
    activation: DpopActivation,
    error: DpopError | DpopUnavailableError,
  ): DpopHttpException {
    if (!(error instanceof DpopError) || !CODES_WITH_SCOPE.has(error.code))
      return super.refuse(activation, error);
    const { context, policy } = activation;
    const ofEndpoint = this.getPolicy(this.endpoints.get(context) ?? context)?.scopes ?? [];
    const ofHandler = error.details.scopes ?? policy.scopes ?? [];
    const scopes = [...new Set([...ofEndpoint, ...ofHandler])];
    if (scopes.length === 0) return super.refuse(activation, error);
    return super.refuse(activation, new DpopError(error.reason, { ...error.details, scopes }));
  }
}

/** The same request, for another handler. */
function atHandler(context: ExecutionContext, { type, handler }: McpHandler): ExecutionContext {
  const methods = { getClass: () => type, getHandler: () => handler };
  return Object.assign(Object.create(context) as ExecutionContext, methods);
}
