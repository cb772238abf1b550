import type { ExecutionContext, Type } from '@nestjs/common';
import type { DpopVerdict } from '../dpop.verdict.js';

type HttpArgumentsHost = ReturnType<ExecutionContext['switchToHttp']>;

/**
 * What passport is given instead of the context of the request. It writes nine properties on what it takes for the
 * request; on one of Express, whose shape V8 knows anew for each request, that costs as much as half a signature.
 */
export class PassportContext implements ExecutionContext {
  readonly #context: ExecutionContext;
  readonly #http: HttpArgumentsHost;

  /** @param admit for the strategy: the verdict on the request, and nothing else */
  constructor(
    context: ExecutionContext,
    readonly admit: () => Promise<DpopVerdict>,
  ) {
    const [request, response] = [{}, {}];
    this.#context = context;
    this.#http = {
      getRequest: <T>() => request as T,
      getResponse: <T>() => response as T,
      getNext: <T>() => undefined as T,
    };
  }

  getType<T extends string>(): T {
    return 'http' as T;
  }

  switchToHttp(): HttpArgumentsHost {
    return this.#http;
  }

  switchToRpc(): ReturnType<ExecutionContext['switchToRpc']> {
    return this.#context.switchToRpc();
  }

  switchToWs(): ReturnType<ExecutionContext['switchToWs']> {
    return this.#context.switchToWs();
  }

  getClass<T>(): Type<T> {
    return this.#context.getClass<T>();
  }

  getHandler(): ReturnType<ExecutionContext['getHandler']> {
    return this.#context.getHandler();
  }

  getArgs<T extends unknown[]>(): T {
    return this.#context.getArgs<T>();
  }

  getArgByIndex<T>(index: number): T {
    return this.#context.getArgByIndex<T>(index);
  }
}
