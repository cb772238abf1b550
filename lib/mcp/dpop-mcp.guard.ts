import { type ExecutionContext, Injectable } from '@nestjs/common';
import { DpopError, type DpopUnavailableError } from '../errors/dpop.error.js';
import type { DpopActivation } from '../guard/activation.js';
import type { DpopHttpException } from '../guard/dpop-http.exception.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import { isObject } from '../http/is-object.js';
import { CalledHandlers, type McpHandler } from './called-handlers.js';

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

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    await super.canActivate(context);
    // All controllers are registered before the first request.
    this.handlers ??= new CalledHandlers(this.modules);
    const request: unknown = context.switchToHttp().getRequest();
    const called = this.handlers.in(isObject(request) ? request['body'] : undefined);
    for (const handler of called) await super.canActivate(atHandler(context, handler));
    return true;
  }

  /** A client learns from the challenge which scopes to ask for (RFC 6750 §3). */
  protected override refuse(
    activation: DpopActivation,
    error: DpopError | DpopUnavailableError,
  ): DpopHttpException {
    const { scopes = [] } = activation.policy;
    const isOfToken = error.code === 'credentials_missing' || error.code === 'invalid_token';
    if (!(error instanceof DpopError) || !isOfToken || scopes.length === 0)
      return super.refuse(activation, error);
    return super.refuse(activation, new DpopError(error.reason, { ...error.details, scopes }));
  }
}

/** The same request, for another handler. */
function atHandler(context: ExecutionContext, { type, handler }: McpHandler): ExecutionContext {
  const methods = { getClass: () => type, getHandler: () => handler };
  return Object.assign(Object.create(context) as ExecutionContext, methods);
}
