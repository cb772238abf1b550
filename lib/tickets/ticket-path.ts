import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { parseRequestPath } from '../http/request-path.js';

const MAX_LENGTH = 2048;

/**
 * The path of the route that a ticket opens. The path may have come from a client: no message repeats it.
 *
 * @throws DpopUnavailableError for a path that no request has
 */
export function parseTicketPath(path: unknown): string {
  const isPath =
    typeof path === 'string' && path.length <= MAX_LENGTH && path.startsWith('/') && !path.includes('?');
  if (!isPath || !isRequestPath(path)) {
    throw new DpopUnavailableError('internal_failure', {
      advice:
        'the path of a ticket must be the path of its route as a request has it, such as "/feed", without query; encodeURIComponent encodes a part of it that comes from outside',
    });
  }
  return path;
}

function isRequestPath(path: string): boolean {
  try {
    return parseRequestPath(path) === path;
  } catch (error) {
    if (error instanceof DpopError) return false;
    throw error;
  }
}
