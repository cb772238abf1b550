import type { ExecutionContext, Type } from '@nestjs/common';
import type { DpopVerdict } from '../dpop.verdict.js';

type HttpArgumentsHost = ReturnType<ExecutionContext['switchToHttp']>;

/**
 * What passport is given instead of the context of the request. It writes nine properties on what it takes for the
 * request; on one of Express, whose shape is a new one to V8 each time, that costs half as much as a signature.
 *
 * What Nest declares to return whatever the caller likes is `never` here, which is assignable to anything.
 */
export class PassportContext implements ExecutionContext {
  readonly #context: ExecutionContext;
  readonly #http: HttpArgumentsHost;
  /** For the strategy. */
  readonly admit: () => Promise<DpopVerdict>;
  /** There once the strategy has asked for it, and the request was let through. */
  verdict: DpopVerdict | undefined;

  constructor(context: ExecutionContext, admit: () => Promise<DpopVerdict>) {
    const [request, response] = [{}, {}];
    this.#context = context;
    this.admit = async () => (this.verdict = await admit());
    this.#http = {
      getRequest: () => request as never,
      getResponse: () => response as never,
      getNext: () => undefined as never,
    };
  }

  getType(): never {
    return 'http' as never;
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

  getArgs(): never {
    return this.#context.getArgs<never>();
  }

  getArgByIndex(index: number): never {
    return this.#context.getArgByIndex<never>(index);
  }
}
