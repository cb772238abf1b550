import { type Fetch, OutboundError, readOutbound, sendOutbound } from './outbound-request.js';

/**
 * Fetches JSON over HTTP, without redirects and at most `MAX_DOCUMENT_BYTES`.
 *
 * @param signal ends the request and the reading of the response
 * @param fetcher of the app; default: the `fetch` of Node
 * @throws OutboundError when the document cannot be fetched; the reason of the signal when that ended the fetch
 */
export async function fetchJson(url: URL, signal: AbortSignal, fetcher?: Fetch): Promise<unknown> {
  const headers = { accept: 'application/json, application/jwk-set+json' };
  const response = await sendOutbound(url, { signal, headers }, fetcher);
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new OutboundError(`status ${response.status}`);
  }
  return parseJson(new TextDecoder().decode(await readOutbound(response, signal)));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new OutboundError('not a JSON object');
  }
}
