import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  DpopModule,
  type DpopModuleOptions,
  DpopUnavailableError,
  MemoryReplayStore,
  ReplayStore,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { AnsweringStore } from './support/answering-store.js';
import { call, UNAVAILABLE } from './support/call.js';
import { GuardedController } from './support/guarded.controller.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, startApp } from './support/running-app.js';

let issuer: TestIssuer;
let client: TestClient;
let token: string;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client, scopes: ['read'] });
});

afterEach(closeApps);

function options(overrides: Partial<DpopModuleOptions> = {}): DpopModuleOptions {
  return withOrigin({ accessToken: issuer.accessToken, ...overrides });
}

describe.each(PLATFORMS)('ReplayStore of the app on %s', (platform) => {
  const start = (replayStore: ReplayStore, extra: Partial<DpopModuleOptions> = {}) =>
    startApp(
      platform,
      createRootModule({
        dpop: DpopModule.forRoot(options({ storage: { replayStore, shared: true }, ...extra })),
      }),
    );

  const failures: readonly (readonly [string, () => unknown])[] = [
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['rejects with null', () => Promise.reject<unknown>(null)],
    ['rejects', () => Promise.reject(new Error('down'))],
    ['returns undefined', () => undefined],
    ['returns true', () => true],
    ['returns OK', () => 'OK'],
    ['resolves null', () => Promise.resolve(null)],
    [
      'is full',
      () => {
        throw new DpopUnavailableError('replay_store_full');
      },
    ],
  ];

  test.each(failures)('one that %s is 503, and the handler does not run (D8, F5)', async (_name, answer) => {
    const app = await start(new AnsweringStore(answer));
    GuardedController.runs = 0;
    const unavailable = await call(app, client, { token });
    expect(unavailable).toMatchObject(UNAVAILABLE);
    expect(unavailable.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(GuardedController.runs).toBe(0);
  });

  test('one that cannot tell asks for a nonce, which is handed out (F6)', async () => {
    const app = await start(new AnsweringStore(() => 'unknown'));
    const answer = await call(app, client, { token });
    expect(answer).toMatchObject({ status: 401, code: 'use_dpop_nonce' });
    expect(answer.nonce).toMatch(/^[\w-]{20,80}$/);
  });

  test('one whose memory has no name is 503 when a nonce is needed (D8)', async () => {
    const store = new AnsweringStore(
      () => 'first',
      () => {
        throw new Error('not connected');
      },
    );
    const app = await start(store, { nonce: 'required' });
    expect(await call(app, client, { token })).toMatchObject(UNAVAILABLE);
  });

  test('sees a digest, never what the client sent, and only proofs that passed everything else (F2, F3)', async () => {
    const claims: unknown[] = [];
    const store = new MemoryReplayStore();
    const claim = store.claim.bind(store);
    store.claim = (seen) => {
      claims.push(seen);
      return claim(seen);
    };
    const app = await start(store);
    const stranger = await TestClient.create();
    await call(app, client, { token, origin: 'https://evil.example' });
    await call(app, stranger, { token });
    await call(app, client, { token: `${token}x` });
    await call(app, client, { token, nonce: 'unknown' });
    expect(claims).toStrictEqual([]);
    await call(app, client, { token, claims: { jti: 'a-jti-of-the-client' } });
    await call(app, client, { token, claims: { jti: 'j'.repeat(256) } });
    expect(claims).toHaveLength(2);
    expect(claims).toMatchObject([{ jkt: client.jkt }, { jkt: client.jkt }]);
    for (const seen of claims as { id: string }[]) expect(seen.id).toMatch(/^[\w-]{43}$/);
    expect(JSON.stringify(claims)).not.toContain('a-jti-of-the-client');
  });
});
