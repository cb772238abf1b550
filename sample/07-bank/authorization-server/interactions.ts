import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import { renderExpired, renderLogin } from './login-page.js';

/** The authentication context class of a user who confirmed with the second factor (RFC 9470 uses the same name). */
export const STRONG = 'phr';
const WEAK = 'pwd';

const PATH = /^\/interaction\/[\w-]+$/;

/** Whether the request is for the login page. */
export function isInteraction({ url = '' }: IncomingMessage): boolean {
  return PATH.test(url);
}

/** Shows the login page, and ends the login that is posted. Everyone is alice here. */
export async function interact(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { uid, params } = await provider.interactionDetails(request, response);
  const isStrong = (params.acr_values ?? '').split(' ').includes(STRONG);
  if (request.method === 'POST') {
    request.resume();
    const login = { accountId: 'alice', acr: isStrong ? STRONG : WEAK, ts: Math.floor(Date.now() / 1000) };
    await provider.interactionFinished(request, response, { login });
    return;
  }
  sendPage(response, 200, renderLogin(uid, isStrong ? 'second factor' : 'password'));
}

/** @param page to which the link leads back */
export function sendExpired(response: ServerResponse, page: string): void {
  sendPage(response, 400, renderExpired(page));
}

function sendPage(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, {
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'no-store',
    'Content-Security-Policy':
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
  });
  response.end(html);
}
