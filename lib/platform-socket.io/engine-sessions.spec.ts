import { EventEmitter } from 'node:events';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LogCollector } from '../../test/support/log-collector.js';
import { ORIGIN } from '../../test/support/origin.js';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { DpopHandshakes } from '../handshake/dpop-handshakes.js';
import { DpopModule } from '../module/dpop.module.js';
import { DpopSessions } from '../sessions/dpop-sessions.js';
import { TestClient } from '../testing/index.js';
import type { DpopPolicy } from '../verification/policy.js';
import { EngineRequests } from './engine-requests.js';
import { OpenConnections } from './open-connections.js';

const PATH = '/socket.io/';
const SID = 'session-1';

let owner: TestClient;
let thief: TestClient;
let claims: Record<string, AccessTokenClaims>;
let context: INestApplicationContext;
let log: LogCollector;

class FakeTokens extends AccessTokenVerifier {
  override verify(token: string): AccessTokenClaims {
    return claims[token] ?? {};
  }
}

beforeAll(async () => {
  [owner, thief] = await Promise.all([TestClient.create(), TestClient.create()]);
});

beforeEach(async () => {
  const ofOwner = { iss: 'https://issuer.test', sub: 'user', cnf: { jkt: owner.jkt } };
  claims = {
    own: ofOwner,
    renewed: ofOwner,
    subject: { ...ofOwner, sub: 'other' },
    issuer: { ...ofOwner, iss: 'https://other.test' },
    key: { ...ofOwner, cnf: { jkt: thief.jkt } },
    unbound: { iss: 'https://issuer.test', sub: 'user' },
    unbound2: { iss: 'https://issuer.test', sub: 'user' },
  };
  log = new LogCollector();
  const dpop = DpopModule.forRoot({ origin: ORIGIN, accessToken: new FakeTokens(), bearer: 'allow-unbound' });
  @Module({ imports: [dpop] })
  class AppModule {}
  context = await NestFactory.createApplicationContext(AppModule, { logger: log, abortOnError: false });
});

afterEach(() => context.close());

interface Setting {
  readonly policy?: Partial<DpopPolicy> | undefined;
  readonly refuses?: boolean;
  readonly polling?: boolean;
}

interface Sent {
  readonly token?: string;
  readonly by?: TestClient;
  readonly nonce?: string;
  readonly sid?: string;
  readonly transport?: string;
}

function serve({ policy = {}, refuses = true, polling = true }: Setting = {}) {
  const rules = { refuses, reports: !refuses };
  const connections = new OpenConnections(context.get(DpopSessions), rules);
  const requests = new EngineRequests(
    connections,
    context.get(DpopHandshakes),
    { policy: { nonce: 'off', bearer: 'allow-unbound', ...policy }, name: {} },
    rules,
    polling,
  );

  /** The status of the answer, or 101 for a request that engine.io gets. */
  async function send({ token, by = owner, nonce, sid, transport = 'polling' }: Sent = {}) {
    const request = Object.assign(new IncomingMessage(new Socket()), {
      method: 'GET',
      url: PATH,
      rawHeaders: token === undefined ? [] : await credentialsFor(token, by, nonce),
      _query: { transport, ...(sid !== undefined && { sid }) },
    });
    const response = new ServerResponse(request);
    let isPassed = false;
    await requests.handle(request, response, () => {
      isPassed = true;
    });
    expect(isPassed).toBe(!response.writableEnded);
    return { status: isPassed ? 101 : response.statusCode, request, response };
  }

  /** Opens the session that later requests name. */
  async function openSession(token: string, nonce?: string): Promise<void> {
    const { status, request } = await send({ token, ...(nonce !== undefined && { nonce }) });
    expect(status).toBe(101);
    const session = Object.assign(new EventEmitter(), { id: SID, request, close: () => undefined });
    connections.watch(session);
  }

  return { send, openSession };
}

async function credentialsFor(token: string, by: TestClient, nonce?: string): Promise<string[]> {
  if (claims[token]?.cnf === undefined) return ['Authorization', `Bearer ${token}`];
  const proof = await by.createProof({
    method: 'GET',
    url: ORIGIN + PATH,
    token,
    ...(nonce !== undefined && { nonce }),
  });
  return ['Authorization', `DPoP ${token}`, 'DPoP', proof];
}

describe('a request in a session (J1)', () => {
  test('passes for the client that opened it, with another token of the same key, too', async () => {
    const { send, openSession } = serve();
    await openSession('own');
    for (const token of ['own', 'renewed']) expect((await send({ token, sid: SID })).status).toBe(101);
  });

  test.each([
    ['another subject', 'subject'],
    ['another issuer', 'issuer'],
    ['another key', 'key'],
    ['an unbound token', 'unbound'],
  ])('is refused for %s, and the log says why', async (_what, token) => {
    const { send, openSession } = serve();
    await openSession('own');
    const by = token === 'key' ? thief : owner;
    expect((await send({ token, by, sid: SID })).status).toBe(403);
    expect(log.text).toContain(
      'required: the client that opened the session. This session belongs to another client',
    );
    // An unknown one is left to engine.io.
    expect((await send({ token, by, sid: 'other' })).status).toBe(101);
    expect((await send({ token, by })).status).toBe(101);
  });

  test('of an unbound token passes with that token alone', async () => {
    const { send, openSession } = serve();
    await openSession('unbound');
    expect((await send({ token: 'unbound', sid: SID })).status).toBe(101);
    for (const token of ['unbound2', 'own']) expect((await send({ token, sid: SID })).status).toBe(403);
  });

  test('of a bound token is refused once the issuer calls the same token unbound', async () => {
    const { send, openSession } = serve();
    await openSession('own');
    claims['own'] = { iss: 'https://issuer.test', sub: 'user' };
    expect((await send({ token: 'own', sid: SID })).status).toBe(403);
  });

  test('must be verified even if some gateways only report or take nobody (K1, K2)', async () => {
    for (const policy of [{ enforcement: 'report' }, { anonymous: 'allow' }] as const) {
      const { send, openSession } = serve({ policy });
      await openSession('own');
      expect((await send()).status).toBe(101);
      expect((await send({ sid: SID })).status).toBe(401);
      expect((await send({ token: 'key', by: thief, sid: SID })).status).toBe(403);
      expect((await send({ token: 'own', sid: SID })).status).toBe(101);
    }
  });

  test('must meet the rest of the policy, too', async () => {
    const { send, openSession } = serve({ policy: { nonce: 'required' } });
    const { status, response } = await send({ token: 'own' });
    const nonce = String(response.getHeader('dpop-nonce'));
    expect(status).toBe(401);
    await openSession('own', nonce);
    expect((await send({ token: 'own', sid: SID })).status).toBe(401);
    expect((await send({ token: 'own', sid: SID, nonce })).status).toBe(101);
  });

  test('passes for everyone where all gateways only report (K1)', async () => {
    const { send, openSession } = serve({ policy: { enforcement: 'report' }, refuses: false });
    await openSession('own');
    for (const sent of [{}, { token: 'own' }, { token: 'key', by: thief }])
      expect((await send({ ...sent, sid: SID })).status).toBe(101);
  });
});

describe('the transports (J1)', () => {
  const statusOf = async (setting: Setting, sent: Sent) => (await serve(setting).send(sent)).status;

  test('without polling are WebSocket alone, and its client reads why', async () => {
    const setting = { polling: false };
    const websocket = { token: 'own', transport: 'websocket' };
    expect(await statusOf(setting, websocket)).toBe(101);
    for (const sent of [
      { token: 'own' },
      { ...websocket, sid: SID },
      { ...websocket, sid: '' },
      { transport: 'polling' },
      { ...websocket, transport: 'other' },
    ])
      expect(await statusOf(setting, sent)).toBe(400);
    const { response } = await serve(setting).send();
    expect({ ...response.getHeaders() }).toEqual({
      'cache-control': 'no-store',
      'content-type': 'application/json; charset=utf-8',
    });
  });

  test('are both where nothing is refused', async () => {
    const setting = { polling: false, refuses: false, policy: { enforcement: 'report' } } as const;
    expect(await statusOf(setting, {})).toBe(101);
  });
});
