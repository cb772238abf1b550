import { DpopUnavailableError } from '../errors/dpop.error.js';
import { parseRequestPath } from '../http/request-path.js';

const MAX_LENGTH = 2048;

/**
 * The path of the route that a ticket opens. The path may have come from a client: no message repeats it.
 *
 * @throws DpopUnavailableError for a path that no request has
 */
export function parseTicketPath(path: unknown): string {
  if (typeof path !== 'string' || path.length > MAX_LENGTH || !isRequestPath(path)) {
    throw new DpopUnavailableError('internal_failure', {
      advice:
        'the path of a ticket must be the path of its route as a request has it, such as "/feed", without query; encodeURIComponent encodes a part of it that comes from outside',
    });
  }
  return path;
}

/** A path alone: of a target with a query, or in absolute form, the path is another text. */
function isRequestPath(target: string): boolean {
  try {
    return parseRequestPath(target) === target;
  } catch {
    return false;
  }
}
