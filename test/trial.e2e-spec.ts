import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get, UseGuards } from '@nestjs/common';
import {
  Dpop,
  DPOP_DIFFERENCE_CHANNEL,
  type DpopDifference,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  MemoryDenyList,
  RequireScopes,
  type TrialOptions,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { AnsweringStore } from './support/answering-store.js';
import { call, proofFor, send } from './support/call.js';
import { LogCollector } from './support/log-collector.js';
import { observeDecisions } from './support/observe-decisions.js';
import { OpaqueTokens } from './support/opaque-tokens.js';
import { ORIGIN, withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';

let issuer: TestIssuer;
let client: TestClient;
let token: string;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client, scopes: ['read'] });
});

afterEach(closeApps);

@UseGuards(DpopGuard)
@Controller()
class TriedController {
  @UseGuards(DpopGuard, DpopGuard)
  @Get()
  read(): string {
    return 'read';
  }

  @RequireScopes('write')
  @Get('scoped')
  scoped(): string {
    return 'scoped';
  }

  @Dpop({ enforcement: 'report' })
  @Get('reported')
  reported(): string {
    return 'reported';
  }
}

const accepted = { outcome: 'accepted', code: undefined, reason: undefined };
const refused = (code: string, reason: string) => ({ outcome: 'refused', code, reason });

/** The differences that are published while the test acts, and shortly after: a request does not wait for its trial. */
async function observeDifferences(act: () => Promise<unknown>): Promise<readonly DpopDifference[]> {
  const found: DpopDifference[] = [];
  const listener = (message: unknown): void => void found.push(message as DpopDifference);
  subscribe(DPOP_DIFFERENCE_CHANNEL, listener);
  try {
    await act();
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  } finally {
    unsubscribe(DPOP_DIFFERENCE_CHANNEL, listener);
  }
  return found;
}

describe.each(PLATFORMS)('options that are tried beside the present ones, on %s (K1)', (platform) => {
  const start = async (
    trial: TrialOptions,
    present: Partial<DpopModuleOptions> = {},
    logger = new LogCollector(),
  ): Promise<RunningApp> =>
    await startApp(
      platform,
      createRootModule({
        dpop: DpopModule.forRoot(withOrigin({ accessToken: issuer.accessToken, ...present, trial })),
        controllers: [TriedController],
      }),
      { logger },
    );

  const audience = (): TrialOptions => ({ accessToken: { ...issuer.accessToken, audience: 'urn:other' } });

  test.each([
    ['an audience', audience, 'invalid_token', 'token_audience'],
    ['an origin', () => ({ origin: 'https://new.example.com' }), 'invalid_dpop_proof', 'proof_htu'],
    ['an algorithm', () => ({ proof: { algorithms: ['RS256'] } }), 'invalid_dpop_proof', 'proof_alg'],
    ['a nonce', () => ({ nonce: 'required' as const }), 'use_dpop_nonce', 'nonce_missing'],
    ['a size', () => ({ maxTokenBytes: 256 }), 'invalid_token', 'token_too_large'],
  ])('a request that %s would refuse passes, and is told once', async (_what, trial, code, reason) => {
    // Nest has one logger for all apps of a process: that of the last one.
    const plain = await startApp(
      platform,
      createRootModule({
        dpop: DpopModule.forRoot(withOrigin({ accessToken: issuer.accessToken })),
        controllers: [TriedController],
      }),
    );
    const logger = new LogCollector();
    const app = await start(trial(), {}, logger);
    let answer: unknown;
    const differences = await observeDifferences(async () => {
      const { headers, ...rest } = await call(app, client, { token });
      answer = { ...rest, fields: [...headers.keys()].toSorted() };
    });
    const { headers, ...rest } = await call(plain, client, { token });
    expect(answer).toEqual({ ...rest, fields: [...headers.keys()].toSorted() });
    expect(differences).toMatchObject([
      {
        present: accepted,
        trial: refused(code, reason),
        route: '/',
        handler: 'TriedController.read',
        method: 'GET',
        clientId: 'client',
        jkt: client.jkt,
      },
    ]);
    expect(logger.text).toContain(`warn trial: accepted now, refused ${code} (${reason}`);
    expect(logger.text).toContain('on GET / (TriedController.read)');
    expect(JSON.stringify(differences) + logger.text).not.toContain(token);
  });

  test('a request that the trial would accept is told, too', async () => {
    const app = await start({ bearer: 'allow-unbound' });
    const unbound = await issuer.issueToken({});
    const differences = await observeDifferences(async () => {
      const headers = { authorization: `Bearer ${unbound}` };
      expect((await send(`${app.url}/`, { headers })).status).toBe(401);
    });
    expect(differences).toMatchObject([
      { present: refused('invalid_token', 'bearer_not_accepted'), trial: accepted },
    ]);
  });

  test('requests that both decide alike are not told', async () => {
    const app = await start({ origin: [ORIGIN, 'https://new.example.com'] });
    const differences = await observeDifferences(async () => {
      expect((await call(app, client, { token })).status).toBe(200);
      expect((await call(app, client)).status).toBe(401);
      expect((await call(app, client, { path: '/scoped', token })).status).toBe(403);
      expect((await call(app, client, { path: '/reported' })).status).toBe(200);
    });
    expect(differences).toStrictEqual([]);
  });

  test('the trial records no proof, and takes no replay for a difference', async () => {
    let claims = 0;
    const outcomes = ['first', 'replayed'] as const;
    const replayStore = new AnsweringStore(() => outcomes[claims++] ?? 'first');
    const app = await start(audience(), { storage: { replayStore, shared: true } });
    const proof = await proofFor(client, { token });
    const differences = await observeDifferences(async () => {
      expect((await call(app, client, { token, proof })).status).toBe(200);
      expect((await call(app, client, { token, proof })).status).toBe(401);
    });
    expect(claims).toBe(2);
    expect(differences).toHaveLength(1);
  });

  test('a failure of the present service is no difference, one of the trial is', async () => {
    const replayStore = new AnsweringStore(() => Promise.reject(new Error('down')));
    const failing = await start(audience(), { storage: { replayStore, shared: true } });
    expect(
      await observeDifferences(async () => {
        expect((await call(failing, client, { token })).status).toBe(503);
      }),
    ).toStrictEqual([]);
    const opaque = new OpaqueTokens(() => Promise.reject(new Error('down')));
    const trying = await start({ accessToken: opaque });
    const differences = await observeDifferences(async () => {
      expect((await call(trying, client, { token })).status).toBe(200);
    });
    expect(differences).toMatchObject([{ present: accepted, trial: { outcome: 'unavailable' } }]);
  });

  test('a list of revoked tokens can be tried', async () => {
    const revocation = new MemoryDenyList({ maxTokenLifetimeSeconds: 3600 });
    await revocation.revoke({ issuer: issuer.issuer, clientId: 'client' });
    const app = await start({ revocation });
    const differences = await observeDifferences(async () => {
      expect((await call(app, client, { token })).status).toBe(200);
    });
    expect(differences).toMatchObject([{ trial: refused('invalid_token', 'token_revoked') }]);
  });

  test('decisions are those of the present options alone', async () => {
    const app = await start(audience());
    const decisions = await observeDecisions(() => observeDifferences(() => call(app, client, { token })));
    expect(decisions).toMatchObject([{ outcome: 'accepted', enforced: true }]);
  });

  test('is named at start, and its options are asserted', async () => {
    const logger = new LogCollector();
    await start(audience(), {}, logger);
    expect(logger.text).toContain('warn trial is set: each request is verified twice');
    await expect(start({ origin: 'ftp://a.example' })).rejects.toThrow(/^trial: origin must be/);
    await expect(start({ storage: {} } as never)).rejects.toThrow(
      /^trial has no option "storage"; known: origin/,
    );
    await expect(start('x' as never)).rejects.toThrow(/^trial must be an object/);
  });
});
