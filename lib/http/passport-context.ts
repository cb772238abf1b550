import type { ExecutionContext, Type } from '@nestjs/common';
import type { DpopVerdict } from '../dpop.verdict.js';

type HttpArgumentsHost = ReturnType<ExecutionContext['switchToHttp']>;

/** What lies behind the context, for as long as passport is at work. */
interface Pending {
  readonly context: ExecutionContext;
  readonly admit: () => Promise<DpopVerdict>;
}

/**
 * What passport is given instead of the context of the request. It writes nine properties on what it takes for the
 * request; on one of Express, whose shape is a new one to V8 each time, that costs half as much as a signature.
 *
 * What Nest declares to return whatever the caller likes is `never` here, which is assignable to anything.
 */
export class PassportContext implements ExecutionContext {
  readonly #http: HttpArgumentsHost;
  #pending: Pending | undefined;
  /** There once the strategy has asked for it, and the request was let through. */
  verdict: DpopVerdict | undefined;

  constructor(context: ExecutionContext, admit: () => Promise<DpopVerdict>) {
    const [request, response] = [{}, {}];
    this.#pending = { context, admit };
    this.#http = {
      getRequest: () => request as never,
      getResponse: () => response as never,
      getNext: () => undefined as never,
    };
  }

  /** For the strategy. */
  async admit(): Promise<DpopVerdict> {
    return (this.verdict = await this.#whilePending().admit());
  }

  /**
   * Lets go of the request. Passport assigns functions to properties of each request's strategy, V8 allocates such ones
   * among what lives long, and whatever they can reach would stay until all garbage is collected.
   */
  release(): void {
    this.#pending = undefined;
    this.verdict = undefined;
  }

  getType(): never {
    return 'http' as never;
  }

  switchToHttp(): HttpArgumentsHost {
    return this.#http;
  }

  switchToRpc(): ReturnType<ExecutionContext['switchToRpc']> {
    return this.#whilePending().context.switchToRpc();
  }

  switchToWs(): ReturnType<ExecutionContext['switchToWs']> {
    return this.#whilePending().context.switchToWs();
  }

  getClass<T>(): Type<T> {
    return this.#whilePending().context.getClass<T>();
  }

  getHandler(): ReturnType<ExecutionContext['getHandler']> {
    return this.#whilePending().context.getHandler();
  }

  getArgs(): never {
    return this.#whilePending().context.getArgs<never>();
  }

  getArgByIndex(index: number): never {
    return this.#whilePending().context.getArgByIndex<never>(index);
  }

  #whilePending(): Pending {
    if (this.#pending === undefined) throw new Error('passport has been answered already');
    return this.#pending;
  }
}
