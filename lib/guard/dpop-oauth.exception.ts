import { HttpException } from '@nestjs/common';
import type { RefusalReason } from '../errors/catalogue.js';
import { DpopError, type DpopUnavailableError } from '../errors/dpop.error.js';
import { setStackTraceLimit } from '../errors/stack-trace-limit.js';

/** The sentences that speak of a resource, as an authorization server says them (RFC 9449, Fig. 20). */
const SENTENCES: Partial<Record<RefusalReason, string>> = {
  nonce_missing: 'Authorization server requires nonce in DPoP proof',
  nonce_renewal: 'Authorization server requires a new nonce in DPoP proof',
  https_required: 'This endpoint requires https',
};

/**
 * A refusal of an authorization server: status 400 and the JSON of RFC 6749 §5.2, `error` and `error_description`. A failure
 * of the server has status 503. It is never a 401: the client is not asked for other credentials. The `cause` is the
 * `DpopError` or the `DpopUnavailableError`.
 *
 * @see RFC 9449 §5 and §8
 */
export class DpopOAuthException extends HttpException {
  /** The error code of OAuth: `invalid_dpop_proof`, `use_dpop_nonce`, `invalid_request`, `invalid_grant` or another. */
  readonly error: string;
  readonly #takeBackHeaders: (() => void) | undefined;

  /** @param takeBackHeaders takes back the headers that are held for the response */
  constructor(error: DpopError | DpopUnavailableError, takeBackHeaders?: () => void) {
    const isRefusal = error instanceof DpopError;
    const description = (isRefusal ? SENTENCES[error.reason] : undefined) ?? error.message;
    // It only passes on a `DpopError`, which has no stack either.
    const stackTraceLimit = setStackTraceLimit(0);
    super({ error: error.code, error_description: description }, isRefusal ? 400 : error.status, {
      cause: error,
    });
    setStackTraceLimit(stackTraceLimit);
    this.message = description;
    this.error = error.code;
    this.#takeBackHeaders = takeBackHeaders;
  }

  /** Takes the headers of this refusal back, for a guard that lets the request in by other means. */
  withdraw(): void {
    this.#takeBackHeaders?.();
  }
}
