import { expect } from '@jest/globals';
import type { RunningApp } from '../support/running-app.js';
import type { Answer } from './live-app.js';
import type { LiveClient } from './live-client.js';

/** Calls `/verdict`, and expects that the token is accepted. */
export async function expectAccepted(app: RunningApp, client: LiveClient, token: string): Promise<Answer> {
  const response = await client.call(new URL('/verdict', app.url), token);
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

/** Calls `/verdict`, and expects a refusal with this code. */
export async function expectRefused(
  app: RunningApp,
  client: LiveClient,
  token: string,
  code: string,
): Promise<void> {
  await expectRefusal(await client.call(new URL('/verdict', app.url), token), code);
}

/** Calls each route, and expects that the token is accepted there, or lacks a role. */
export async function expectRoles(
  app: RunningApp,
  client: LiveClient,
  token: string,
  routes: Readonly<Record<string, 'accepted' | 'refused'>>,
): Promise<void> {
  for (const [route, expected] of Object.entries(routes)) {
    const response = await client.call(new URL(route, app.url), token);
    const body: unknown = await response.json();
    if (expected === 'accepted') expect([route, response.status, body]).toEqual([route, 200, {}]);
    else {
      const refusal = expect.objectContaining({ code: 'insufficient_rights' });
      expect([route, response.status, body]).toEqual([route, 403, refusal]);
      expect(response.headers.has('www-authenticate')).toBe(false);
    }
  }
}

interface Cast {
  readonly client: LiveClient;
  readonly thief: LiveClient;
  /** A token of the client, and one with the scope `statements:read`. */
  readonly token: string;
  readonly tokenWithScope: string;
}

/** What a guarded app does with the tokens of an issuer: the client is served, and the thief never. */
export async function expectGuarded(
  app: RunningApp,
  { client, thief, token, tokenWithScope }: Cast,
): Promise<void> {
  expect(await expectAccepted(app, client, token)).toMatchObject({ jkt: client.jkt, scopes: [] });
  await expectRefusal(await client.repeatLastRequest(), 'invalid_dpop_proof');
  await expectRefused(app, thief, token, 'invalid_token');
  const headers = { authorization: `Bearer ${token}` };
  await expectRefusal(await fetch(new URL('/verdict', app.url), { headers }), 'invalid_token');

  const statements = new URL('/statements', app.url);
  expect((await client.call(statements, token)).status).toBe(403);
  expect((await client.call(statements, tokenWithScope)).status).toBe(200);
  await expectAccepted(app, client, token);
}

async function expectRefusal(response: Response, code: string): Promise<void> {
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toMatch(/^DPoP /);
  expect(await response.json()).toMatchObject({ code });
}
