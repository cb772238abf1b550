import { config } from './config.js';

/** Says `exchange` after each request, with what a person on the wire sees of it as `detail`. */
export const wire = new EventTarget();

const LANES = {
  [new URL(config.issuer).origin]: 'issuer',
  [config.api]: 'api',
  [config.plainApi]: 'plain',
};

/** A `fetch` that says in words that no server answered. */
export async function fetchOrSay(url, init) {
  try {
    return await fetch(url, init);
  } catch {
    const server = LANES[new URL(url).origin] === 'issuer' ? 'authorization server' : 'bank';
    throw new Error(`No answer. Is the ${server} still running?`);
  }
}

/** A `fetch` whose requests appear in the timeline. */
export function fetchAs(actor) {
  return async (url, init = {}) => {
    const response = await fetchOrSay(url, init);
    const { origin, pathname: path } = new URL(url);
    const headers = new Headers(init.headers);
    const detail = {
      actor,
      lane: LANES[origin],
      method: init.method ?? 'GET',
      url: String(url),
      path,
      status: response.status,
      authorization: headers.get('authorization'),
      proof: headers.get('dpop'),
      challenge: response.headers.get('www-authenticate'),
      nonce: response.headers.get('dpop-nonce'),
      atMs: Date.now(),
    };
    wire.dispatchEvent(new CustomEvent('exchange', { detail }));
    return response;
  };
}
