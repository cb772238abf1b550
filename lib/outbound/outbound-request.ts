/** The signature of `fetch`, of Node or of the app. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The limit for metadata, key sets and introspection responses, which usually have a few kilobytes. */
export const MAX_DOCUMENT_BYTES = 1_048_576;

/** Something that another server said cannot be fetched or used. The message is for the operator. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError';
}

/**
 * Sends a request, and returns the response before its body is read. The library fetches nothing in any other place.
 *
 * @param init has a signal that ends the request and the reading of the response
 * @param fetcher of the app; default: the `fetch` of Node
 * @throws OutboundError when there is no response, or one from another URL; the reason of the signal when that ended the
 *   request
 */
export async function sendOutbound(
  url: URL,
  init: RequestInit & { readonly signal: AbortSignal },
  fetcher: Fetch = fetch,
): Promise<Response> {
  try {
    // A redirect could lead to any host; only the configured one is trusted.
    const response = await fetcher(url.href, { ...init, redirect: 'manual' });
    if (!response.redirected) return response;
    await response.body?.cancel();
  } catch (error) {
    init.signal.throwIfAborted();
    throw new OutboundError(`cannot be reached${codeOf(error)}`, { cause: error });
  }
  throw new OutboundError('the fetch of the app followed a redirect; pass its redirect option on');
}

/**
 * Reads a body of at most `MAX_DOCUMENT_BYTES` after decompression.
 *
 * @throws OutboundError when it is larger or ends early; the reason of the signal when that ended the reading
 */
export async function readOutbound({ body }: Response, signal: AbortSignal): Promise<Uint8Array> {
  try {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    // Leaving the loop early cancels the response.
    for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > MAX_DOCUMENT_BYTES)
        throw new OutboundError(`larger than ${MAX_DOCUMENT_BYTES / 1024 ** 2} MiB`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof OutboundError) throw error;
    throw new OutboundError(`cannot be reached${codeOf(error)}`, { cause: error });
  }
}

/** The code of Node or undici, such as ECONNREFUSED. The message is left out, because it may contain anything. */
function codeOf(error: unknown): string {
  const { cause } = (error ?? {}) as { cause?: { code?: unknown } | null };
  const code = cause?.code;
  return typeof code === 'string' && /^[A-Z][A-Z\d_]{1,40}$/.test(code) ? ` (${code})` : '';
}
