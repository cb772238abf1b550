import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import type { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { setStackTraceLimit } from '../errors/stack-trace-limit.js';

/**
 * A refusal as Nest's exception filters expect it: the usual body, and the stable `code` beside it. Challenge and nonce are
 * written with the head of the response, if the response has the status of this exception.
 */
export class DpopHttpException extends HttpException {
  /** For GraphQL: graphql-js copies it, and Apollo answers with its status. Nest's Apollo driver replaces the code. */
  readonly extensions: { readonly code: string; readonly http: { readonly status: number } };
  /** For GraphQL: Mercurius answers with it. */
  readonly statusCode: number;
  readonly #takeBackHeaders: (() => void) | undefined;
  readonly #headers: Readonly<Record<string, string>>;

  /**
   * @param takeBackHeaders takes back the headers that are held for the response
   * @param headers those of the refusal, for transports that have no response
   */
  constructor(
    error: DpopError | DpopUnavailableError,
    takeBackHeaders?: () => void,
    headers: Readonly<Record<string, string>> = {},
  ) {
    const { status, message, code } = error;
    // It only passes on a `DpopError`, which has no stack either.
    const stackTraceLimit = setStackTraceLimit(0);
    super({ statusCode: status, message, error: STATUS_CODES[status], code }, status, { cause: error });
    setStackTraceLimit(stackTraceLimit);
    this.extensions = { code, http: { status } };
    this.statusCode = status;
    this.#takeBackHeaders = takeBackHeaders;
    this.#headers = Object.freeze({ ...headers });
  }

  /**
   * Challenge and nonce of the refusal, for a transport without an HTTP response. Not enumerable: a logger that prints the
   * exception prints no nonce.
   */
  get headers(): Readonly<Record<string, string>> {
    return this.#headers;
  }

  /**
   * Takes the headers of this refusal back, for a guard that lets the request in by other credentials. Over HTTP a response
   * with another status drops them without this call. A GraphQL response has one status for all its resolvers.
   */
  withdraw(): void {
    this.#takeBackHeaders?.();
  }
}
