import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  DpopHealthIndicator,
  type DpopModuleOptions,
  DpopVerifier,
  MemoryDenyList,
  MemoryReplayStore,
  type RevocableToken,
  RevocationChecker,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, proofFor, UNAVAILABLE } from './support/call.js';
import { LogCollector } from './support/log-collector.js';
import { observeDecisions } from './support/observe-decisions.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { type RecordingApp, startRecordingApp } from './support/recording-app.js';
import { closeApps } from './support/running-app.js';

let issuer: TestIssuer;
let client: TestClient;
let token: string;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client, claims: { jti: 'token-1', sid: 'session-1', scope: 'read' } });
});

afterEach(closeApps);

const REVOKED = { status: 401, code: 'invalid_token' };

const createDenyList = () => new MemoryDenyList({ maxTokenLifetimeSeconds: 3600 });

/** A checker of the app, which answers as the test says. */
class Checker extends RevocationChecker {
  readonly asked: RevocableToken[] = [];
  readonly events: string[] = [];

  constructor(
    private readonly answer: () => unknown = () => false,
    override readonly deadlineMs = 50,
  ) {
    super();
  }

  override isRevoked(asked: RevocableToken): boolean {
    this.asked.push(asked);
    return this.answer() as boolean;
  }

  override open(warn: (text: string) => void): void {
    this.events.push('open');
    warn('a warning of the checker');
  }

  override close(): void {
    this.events.push('close');
  }

  override ping(): void {
    if (this.answer() === 'down') throw new Error('down');
  }
}

function options(overrides: Partial<DpopModuleOptions> = {}): DpopModuleOptions {
  return withOrigin({ accessToken: issuer.accessToken, ...overrides });
}

describe.each(PLATFORMS)('revocation on %s (B9)', (platform) => {
  const start = (dpop: Partial<DpopModuleOptions>): Promise<RecordingApp> =>
    startRecordingApp(platform, { dpop: options(dpop) });

  test('a remembered token is refused right after it is revoked, and the handler does not run', async () => {
    const revocation = createDenyList();
    const app = await start({ revocation });
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    await revocation.revoke({ issuer: issuer.issuer, sid: 'session-1' });
    const answer = await call(app, client, { token });
    expect(answer).toMatchObject({ ...REVOKED, body: { message: 'The access token has been revoked' } });
    expect(answer.challenge).toMatch(
      /^DPoP error="invalid_token", error_description="The access token has been revoked", algs=/,
    );
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(app.calls).toHaveLength(2);
    const other = await issuer.issueToken({ client, claims: { sid: 'session-2' } });
    expect(await call(app, client, { token: other })).toMatchObject({ status: 200 });
  });

  test('the checker is asked before the proof is recorded: a refusal and a failure spend no proof', async () => {
    const answers: unknown[] = [true, undefined, false];
    const replayStore = new MemoryReplayStore();
    const app = await start({
      revocation: new Checker(() => answers.shift()),
      storage: { replayStore, shared: true },
    });
    const proof = await proofFor(client, { token });
    expect(await call(app, client, { token, proof })).toMatchObject(REVOKED);
    expect(await call(app, client, { token, proof })).toMatchObject(UNAVAILABLE);
    expect(replayStore.size).toBe(0);
    expect(app.calls).toStrictEqual([]);
    expect(await call(app, client, { token, proof })).toMatchObject({ status: 200 });
    expect(replayStore.size).toBe(1);
  });

  test('the checker is told of tokens whose possession is proved, and of no others', async () => {
    const revocation = new Checker();
    const app = await start({ revocation });
    await call(app, client, { token, origin: 'https://evil.example' });
    await call(app, await TestClient.create(), { token });
    await call(app, client, { token: `${token}x` });
    await call(app, client);
    expect(revocation.asked).toStrictEqual([]);
    await call(app, client, { token });
    const { issuer: iss, jkt } = { issuer: issuer.issuer, jkt: client.jkt };
    expect(revocation.asked).toMatchObject([
      { issuer: iss, jkt, claims: { jti: 'token-1', sid: 'session-1' } },
    ]);
  });

  test('a revoked token that lacks the scope of the route is told so first', async () => {
    const app = await start({ revocation: new Checker(() => true) });
    expect(await call(app, client, { path: '/scoped', token })).toMatchObject(REVOKED);
    const good = await start({});
    expect(await call(good, client, { path: '/scoped', token })).toMatchObject({ status: 403 });
  });

  test('each caller of one examination asks again: a subscription learns of a revocation', async () => {
    const revocation = createDenyList();
    const app = await start({ revocation });
    const verifier = app.nest.get(DpopVerifier);
    const proof = await proofFor(client, { token });
    const rawHeaders = ['Authorization', `DPoP ${token}`, 'DPoP', proof, 'Host', 'api.example.com'];
    const examination = verifier.examine({ method: 'GET', target: '/', rawHeaders });
    const policy = { nonce: 'off', bearer: 'reject' } as const;
    await examination.authorize(policy);
    await examination.authorize(policy);
    await revocation.revoke({ jkt: client.jkt });
    await expect(examination.authorize(policy)).rejects.toMatchObject({ reason: 'token_revoked' });
  });

  const failing: readonly (readonly [string, () => unknown])[] = [
    ['returns undefined', () => undefined],
    ['returns 0', () => 0],
    ['resolves undefined', () => Promise.resolve()],
    ['rejects', () => Promise.reject(new Error('down'))],
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['hangs', () => new Promise<never>(() => {})],
  ];

  test.each(failing)('a checker that %s is 503, and the handler does not run (D8)', async (_what, answer) => {
    const app = await start({ revocation: new Checker(answer) });
    const decisions = await observeDecisions(async () => {
      const unavailable = await call(app, client, { token });
      expect(unavailable).toMatchObject(UNAVAILABLE);
      expect(unavailable.headers.get('retry-after')).toBe('1');
    });
    expect(decisions).toMatchObject([{ outcome: 'unavailable', reason: 'revocation_unavailable' }]);
    expect(app.calls).toStrictEqual([]);
  });

  test.each(failing.slice(3))(
    'one that %s passes, and is told, where that is asked for',
    async (_what, answer) => {
      const app = await start({ revocation: new Checker(answer), onRevocationFailure: 'accept-and-report' });
      const logs = new LogCollector();
      app.nest.useLogger(logs);
      const decisions = await observeDecisions(async () => {
        expect(await call(app, client, { token })).toMatchObject({ status: 200 });
      });
      expect(decisions).toMatchObject([
        {
          outcome: 'accepted',
          reason: 'revocation_unavailable',
          revocationChecked: false,
          replayChecked: true,
        },
      ]);
      expect(logs.text).toMatch(/^error accepted without a revocation check: revocation_unavailable/m);
      expect(app.calls).toHaveLength(1);
    },
  );

  test('a token that a deny-list cannot judge is 503 with advice, also where failures are tolerated', async () => {
    const revocation = new MemoryDenyList({ maxTokenLifetimeSeconds: 60 });
    const app = await start({ revocation, onRevocationFailure: 'accept-and-report' });
    const logs = new LogCollector();
    app.nest.useLogger(logs);
    expect(await call(app, client, { token })).toMatchObject(UNAVAILABLE);
    expect(logs.text).toMatch(
      /^error answered 503: revocation_undecidable; the access token lives for \d+ s/m,
    );
    const short = await issuer.issueToken({ client, expiresInSeconds: 60 });
    expect(await call(app, client, { token: short })).toMatchObject({ status: 200 });
    expect(app.calls).toHaveLength(1);
  });

  test('the checker is opened with the app, closed with it, and part of its health', async () => {
    let answer: unknown = false;
    const revocation = new Checker(() => answer);
    const app = await start({ revocation });
    expect(revocation.events).toEqual(['open']);
    const health = app.nest.get(DpopHealthIndicator);
    expect(await health.isHealthy()).toEqual({ dpop: { status: 'up' } });
    answer = 'down';
    expect(await health.isHealthy()).toEqual({
      dpop: { status: 'down', message: 'the revocation checker cannot say anything' },
    });
    await app.close();
    expect(revocation.events).toEqual(['open', 'close']);
  });
});
