import { HttpException } from '@nestjs/common';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';

/**
 * The user that the app's `handleRequest` makes of a verdict. Awaited, as passport does: an override may be asynchronous.
 *
 * @param guard name of its class, for the operator
 * @throws what the app refuses the request with; DpopUnavailableError when `handleRequest` fails or returns no user
 */
export async function awaitAppUser(guard: string, handleRequest: () => unknown): Promise<unknown> {
  let user: unknown;
  try {
    user = await handleRequest();
  } catch (cause) {
    if (isRefusalOfApp(cause) || cause instanceof DpopError) throw cause;
    throw new DpopUnavailableError('internal_failure', { cause, advice: `handleRequest of ${guard} failed` });
  }
  // As `handleRequest` of `AuthGuard` itself has it: anything falsy is no user.
  if (user) return user;
  throw new DpopUnavailableError('internal_failure', {
    advice: `handleRequest of ${guard} returned no user; to refuse the request, throw ForbiddenException`,
  });
}

/** An answer of 400 to 499 that an override gives the client. Any other failure of an override is answered with 503. */
export function isRefusalOfApp(thrown: unknown): thrown is HttpException {
  return thrown instanceof HttpException && thrown.getStatus() >= 400 && thrown.getStatus() < 500;
}
