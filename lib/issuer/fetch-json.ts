// Imported, and not the global one, which fake timers of an app's tests may stop.
import { clearTimeout, setTimeout } from 'node:timers';

/** Metadata and key sets of issuers are a few kilobytes; a response that goes on is cut off here. */
export const MAX_DOCUMENT_BYTES = 1_048_576;

/** A document of an issuer could not be had, or cannot be used. The message is in words of ours, for the operator. */
export class IssuerDocumentError extends Error {
  override readonly name = 'IssuerDocumentError';
}

/**
 * The one place where the library fetches anything: JSON over HTTP, without redirects. The response is read as it
 * comes, at most `MAX_DOCUMENT_BYTES` of it after decompression.
 *
 * @param signal ends the request and the reading of the response
 * @throws IssuerDocumentError when there is no such document; the reason of the signal when that ended the fetch
 */
export async function fetchJson(url: URL, signal: AbortSignal): Promise<unknown> {
  try {
    // A redirect could lead anywhere; only the configured issuer is trusted.
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
 * Gives the work a signal that ends it after a time, or when the service shuts down.
 *
 * @throws IssuerDocumentError when the time is over
 */
export async function inTime<T>(
  timeoutMs: number,
  shutdown: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const patience = new AbortController();
  const giveUp = (reason: string) => patience.abort(new IssuerDocumentError(reason));
  const stop = () => giveUp('the service shuts down');
  const timer = setTimeout(giveUp, timeoutMs, `no answer within fetchTimeoutMs, ${timeoutMs} ms`);
  timer.unref();
  shutdown.addEventListener('abort', stop);
  try {
    shutdown.throwIfAborted();
    return await work(patience.signal);
  } finally {
    clearTimeout(timer);
    shutdown.removeEventListener('abort', stop);
  }
}

async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // To leave the loop early cancels the response.
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
    throw new IssuerDocumentError('no JSON object');
  }
}

/** The code of Node or undici, such as ECONNREFUSED; the message may quote anything, and is left out. */
function codeOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown } };
  const code = cause?.code;
  return typeof code === 'string' && /^[A-Z][A-Z\d_]{1,40}$/.test(code) ? ` (${code})` : '';
}
