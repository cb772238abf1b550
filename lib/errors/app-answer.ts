import { DpopUnavailableError } from './dpop.error.js';

/**
 * Asks a function of the app for a yes or a no. Only `true` and `false` are answers: for anything else the request is
 * neither let in nor blamed on the client.
 *
 * @param asked names the function, for the operator
 * @returns a promise only if the function returned one
 * @throws DpopUnavailableError `internal_failure` when the function throws or answers something else; one that it throws
 * itself is passed on
 */
export function askApp(asked: string, ask: () => unknown): boolean | Promise<boolean> {
  let answer: unknown;
  try {
    answer = ask();
  } catch (cause) {
    throw failed(asked, cause);
  }
  return isThenable(answer) ? awaitAnswer(asked, answer) : parse(asked, answer);
}

/** Only the form: awaiting any other object gives the object, which is no answer. */
function isThenable(answer: unknown): answer is PromiseLike<unknown> {
  return typeof answer === 'object' && answer !== null;
}

async function awaitAnswer(asked: string, promise: PromiseLike<unknown>): Promise<boolean> {
  let answer: unknown;
  try {
    answer = await promise;
  } catch (cause) {
    throw failed(asked, cause);
  }
  return parse(asked, answer);
}

function parse(asked: string, answer: unknown): boolean {
  if (typeof answer === 'boolean') return answer;
  const kind = answer === null ? 'null' : typeof answer;
  throw new DpopUnavailableError('internal_failure', {
    advice: `${asked} must return true or false; it returned ${kind}`,
  });
}

function failed(asked: string, cause: unknown): DpopUnavailableError {
  if (cause instanceof DpopUnavailableError) return cause;
  return new DpopUnavailableError('internal_failure', { cause, advice: `${asked} threw an error` });
}
