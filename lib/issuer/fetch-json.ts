// The global functions may be replaced by fake timers in the tests of an app.
import { clearTimeout, setTimeout } from 'node:timers';

/** The limit for metadata and key sets, which usually have a few kilobytes. */
export const MAX_DOCUMENT_BYTES = 1_048_576;

/** A document of an issuer cannot be fetched or used. The message is for the operator. */
export class IssuerDocumentError extends Error {
  override readonly name = 'IssuerDocumentError';
}

/**
 * Fetches JSON over HTTP, without redirects and at most `MAX_DOCUMENT_BYTES` after decompression. The library fetches
 * nothing in any other place.
 *
 * @param signal ends the request and the reading of the response
 * @throws IssuerDocumentError when the document cannot be fetched; the reason of the signal when that ended the fetch
 */
export async function fetchJson(url: URL, signal: AbortSignal): Promise<unknown> {
  try {
    // A redirect could lead to any host; only the configured issuer is trusted.
    const response = await fetch(url, {
      signal,
      redirect: 'manual',
      headers: { accept: 'application/json, application/jwk-set+json' },
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new IssuerDocumentError(`status ${response.status}`);
    }
    return parseJson(await readText(response));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof IssuerDocumentError) throw error;
    throw new IssuerDocumentError(`cannot be reached${codeOf(error)}`, { cause: error });
  }
}

/**
 * Runs work with a signal that aborts after a time limit, or when the service shuts down.
 *
 * @throws IssuerDocumentError when the time limit is exceeded
 */
export async function withTimeout<T>(
  timeoutMs: number,
  shutdown: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const abort = (reason: string) => controller.abort(new IssuerDocumentError(reason));
  const abortAtShutdown = () => abort('the service shuts down');
  const timer = setTimeout(abort, timeoutMs, `no answer within fetchTimeoutMs, ${timeoutMs} ms`);
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

async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop early cancels the response.
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX_DOCUMENT_BYTES) {
      throw new IssuerDocumentError(`larger than ${MAX_DOCUMENT_BYTES / 1024 ** 2} MiB`);
    }
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new IssuerDocumentError('not a JSON object');
  }
}

/** The code of Node or undici, such as ECONNREFUSED. The message is left out, because it may contain anything. */
function codeOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown } };
  const code = cause?.code;
  return typeof code === 'string' && /^[A-Z][A-Z\d_]{1,40}$/.test(code) ? ` (${code})` : '';
}
