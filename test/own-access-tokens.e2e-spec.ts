import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type AccessTokenClaims,
  DpopError,
  DpopModule,
  type DpopModuleOptions,
  DpopUnavailableError,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, proofFor, UNAVAILABLE } from './support/call.js';
import { GuardedController } from './support/guarded.controller.js';
import { OpaqueTokens } from './support/opaque-tokens.js';
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

describe.each(PLATFORMS)('AccessTokenVerifier of the app on %s', (platform) => {
  const start = (answer: (token: string, ath: string) => unknown, extra: Partial<DpopModuleOptions> = {}) =>
    startApp(
      platform,
      createRootModule({
        dpop: DpopModule.forRoot(options({ accessToken: new OpaqueTokens(answer), ...extra })),
      }),
    );
  const opaque = 'opaque-token_~+/.==';

  test('verifies tokens of any form; the binding is checked all the same (B2, B3)', async () => {
    const seen: string[][] = [];
    const claims: Record<string, AccessTokenClaims> = {
      [opaque]: { sub: 'user', cnf: { jkt: client.jkt } },
      unbound: { sub: 'user' },
      foreign: { cnf: { jkt: 'A'.repeat(43) } },
    };
    const app = await start((presented, ath) => {
      seen.push([presented, ath]);
      return claims[presented];
    });
    expect(await call(app, client, { token: opaque })).toMatchObject({ status: 200 });
    expect(seen[0]?.[0]).toBe(opaque);
    expect(seen[0]?.[1]).toMatch(/^[\w-]{43}$/);
    expect(await call(app, client, { token: 'unbound' })).toMatchObject({
      status: 401,
      code: 'invalid_token',
    });
    expect(await call(app, client, { token: 'foreign' })).toMatchObject({
      status: 401,
      code: 'invalid_token',
    });
  });

  test('stands beside issuers: it gets the tokens that name none of them (B6)', async () => {
    const seen: string[] = [];
    const own = new OpaqueTokens((presented) => {
      seen.push(presented);
      return { cnf: { jkt: client.jkt } };
    });
    const app = await startApp(
      platform,
      createRootModule({ dpop: DpopModule.forRoot(options({ accessToken: [issuer.accessToken, own] })) }),
    );
    const forged = `${token.slice(0, token.lastIndexOf('.'))}.${'A'.repeat(86)}`;
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    expect(await call(app, client, { token: forged })).toMatchObject({ status: 401, code: 'invalid_token' });
    expect(await call(app, client, { token: opaque })).toMatchObject({ status: 200 });
    expect(seen).toEqual([opaque]);
  });

  test('is told of accepted requests with its own tokens, and of no others', async () => {
    const told: unknown[] = [];
    const answers: unknown[] = [];
    class Remembering extends OpaqueTokens {
      override remember(presented: string, ath: string, claims: AccessTokenClaims): void {
        told.push([presented, ath.length, claims === answers.at(-1)]);
      }
    }
    const own = new Remembering(() => {
      answers.push({ cnf: { jkt: client.jkt } });
      return answers.at(-1);
    });
    const dpop = DpopModule.forRoot(options({ accessToken: [issuer.accessToken, own] }));
    const app = await startApp(platform, createRootModule({ dpop }));
    const proof = await proofFor(client, { token: opaque });
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    expect(await call(app, client, { token: opaque, proof })).toMatchObject({ status: 200 });
    expect(await call(app, client, { token: opaque, proof })).toMatchObject({ status: 401 });
    expect(told).toEqual([[opaque, 43, true]]);
  });

  test('may fail to remember: 503, and the process lives', async () => {
    class Forgetful extends OpaqueTokens {
      override remember(): Promise<void> {
        return Promise.reject(new Error('no room'));
      }
    }
    const own = new Forgetful(() => ({ cnf: { jkt: client.jkt } }));
    const app = await startApp(
      platform,
      createRootModule({ dpop: DpopModule.forRoot(options({ accessToken: own })) }),
    );
    expect(await call(app, client, { token: opaque })).toMatchObject(UNAVAILABLE);
    expect(await call(app, client)).toMatchObject({ status: 401 });
  });

  test('a DpopError of its own is the answer (D2)', async () => {
    const app = await start(() => {
      throw new DpopError('token_expired');
    });
    const answer = await call(app, client, { token: opaque });
    expect(answer).toMatchObject({ status: 401, code: 'invalid_token' });
    expect(answer.challenge).toContain('error="invalid_token"');
  });

  test('a DpopUnavailableError of its own says when to come back (D8)', async () => {
    const app = await start(() => {
      throw new DpopUnavailableError('issuer_unavailable', { retryAfterSeconds: 7 });
    });
    const answer = await call(app, client, { token: opaque });
    expect(answer).toMatchObject(UNAVAILABLE);
    expect(answer.headers.get('retry-after')).toBe('7');
  });

  const failures: readonly (readonly [string, () => unknown])[] = [
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['rejects with nothing', () => Promise.reject<unknown>()],
    ['rejects', () => Promise.reject(new Error('down'))],
    ['returns undefined', () => undefined],
    ['resolves undefined', () => Promise.resolve()],
    ['returns null', () => null],
    ['returns a string', () => 'claims'],
    ['returns an array', () => [{ cnf: {} }]],
  ];

  test.each(failures)('one that %s is 503 (B8, D8)', async (_name, answer) => {
    const app = await start(answer);
    GuardedController.runs = 0;
    const unavailable = await call(app, client, { token: opaque });
    expect(unavailable).toMatchObject(UNAVAILABLE);
    expect(unavailable.headers.get('retry-after')).toBe('1');
    expect(GuardedController.runs).toBe(0);
  });
});
