// The global functions may be replaced by fake timers in the tests of an app.
import { clearTimeout, setTimeout } from 'node:timers';
import { OutboundError } from './outbound-request.js';

/** How long work may take. */
export interface TimeLimit {
  /** The name of the option, for the operator. */
  readonly option: string;
  readonly timeoutMs: number;
}

/**
 * Runs work with a signal that aborts after a time limit, or when the service shuts down.
 *
 * @throws OutboundError when the time limit is exceeded
 */
export async function withTimeLimit<T>(
  { option, timeoutMs }: TimeLimit,
  shutdown: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const abort = (reason: string) => controller.abort(new OutboundError(reason));
  const abortAtShutdown = () => abort('the service shuts down');
  const timer = setTimeout(abort, timeoutMs, `no answer within ${option}, ${timeoutMs} ms`);
  timer.unref();
  shutdown.addEventListener('abort', abortAtShutdown);
  try {
    shutdown.throwIfAborted();
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    shutdown.removeEventListener('abort', abortAtShutdown);
  }
}
