import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get, UseGuards } from '@nestjs/common';
import { Dpop, DpopGuard, DpopModule, type DpopModuleOptions } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { AnsweringStore } from './support/answering-store.js';
import { call, proofFor } from './support/call.js';
import { LogCollector } from './support/log-collector.js';
import { observeDecisions } from './support/observe-decisions.js';
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

@Controller()
class ObservedController {
  @UseGuards(DpopGuard)
  @Get()
  read(): string {
    return 'read';
  }

  @UseGuards(DpopGuard)
  @Dpop({ nonce: 'required' })
  @Get('nonce')
  nonce(): string {
    return 'nonce';
  }
}

describe.each(PLATFORMS)('what an operator sees on %s (D6)', (platform) => {
  test('each decision is published: outcome, code, reason, who, and how long it took', async () => {
    const failing = new OpaqueTokens(() => Promise.reject(new Error('down')));
    const dpop = DpopModule.forRoot(options({ accessToken: [issuer.accessToken, failing] }));
    const app = await startApp(platform, createRootModule({ dpop, controllers: [ObservedController] }));
    const proof = await proofFor(client, { token });
    const decisions = await observeDecisions(async () => {
      await call(app, client, { token, proof });
      await call(app, client, { token, proof });
      await call(app, client);
      await call(app, client, { path: '/nonce', token });
      await call(app, client, { token: 'opaque' });
    });
    const known = { issuer: issuer.issuer, clientId: 'client', jkt: client.jkt };
    const unknown = { issuer: undefined, clientId: undefined, jkt: undefined };
    const always = {
      enforced: true,
      hasTicket: false,
      replayChecked: true,
      revocationChecked: true,
      durationMs: expect.any(Number) as unknown,
      detail: undefined,
      expected: undefined,
      offBySeconds: undefined,
      method: 'GET',
      route: '/',
      handler: 'ObservedController.read',
    };
    expect(decisions).toEqual([
      { outcome: 'accepted', code: undefined, reason: undefined, ...known, ...always },
      { outcome: 'refused', code: 'invalid_dpop_proof', reason: 'proof_replayed', ...known, ...always },
      {
        outcome: 'refused',
        code: 'credentials_missing',
        reason: 'credentials_missing',
        ...unknown,
        ...always,
      },
      {
        outcome: 'refused',
        code: 'use_dpop_nonce',
        reason: 'nonce_missing',
        ...known,
        ...always,
        route: '/nonce',
        handler: 'ObservedController.nonce',
      },
      {
        outcome: 'unavailable',
        code: 'temporarily_unavailable',
        reason: 'internal_failure',
        ...unknown,
        ...always,
      },
    ]);
    for (const decision of decisions) expect(decision.durationMs).toBeGreaterThanOrEqual(0);
  });

  test('a request that passes while the replay store fails is reported as such (F5)', async () => {
    const failing = new AnsweringStore(() => Promise.reject(new Error('down')));
    const storage = { replayStore: failing, shared: true };
    const dpop = DpopModule.forRoot(options({ storage, onReplayStoreFailure: 'accept-and-report' }));
    const app = await startApp(platform, createRootModule({ dpop }));
    const decisions = await observeDecisions(async () => {
      expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    });
    expect(decisions).toMatchObject([
      { outcome: 'accepted', reason: 'replay_store_unavailable', replayChecked: false },
    ]);
  });

  test('neither decisions nor logs hold a token, proof, nonce or jti, whatever fails and however (D5)', async () => {
    const logger = new LogCollector();
    const secrets: string[] = [];
    const loud = new OpaqueTokens((presented) => {
      if (presented.startsWith('multiline'))
        throw new Error(`cannot read\n    at ${presented} of the client`);
      const cause = Object.assign(new Error(`no such token: ${presented}`), { token: presented });
      throw new Error(`lookup of ${presented} failed`, { cause });
    });
    const accessToken = [issuer.accessToken, loud];
    const app = await startApp(
      platform,
      createRootModule({
        dpop: DpopModule.forRoot(options({ accessToken })),
        controllers: [ObservedController],
      }),
      { logger },
    );
    let counter = 0;
    const play = async (parts: Parameters<typeof call>[2] & { readonly token: string }): Promise<void> => {
      const jti = `jti-of-request-${(counter += 1)}`;
      const proof = parts.proof ?? (await proofFor(client, { ...parts, claims: { jti, ...parts.claims } }));
      const { nonce, headers } = await call(app, client, { ...parts, proof });
      secrets.push(jti, parts.token, ...parts.token.split('.').filter((part) => part.length > 8));
      secrets.push(proof, ...proof.split('.').filter((part) => part.length > 8));
      if (parts.nonce !== undefined) secrets.push(parts.nonce);
      if (nonce !== null) secrets.push(nonce);
      expect(headers.get('dpop-nonce')).toBe(nonce);
    };

    const decisions = await observeDecisions(async () => {
      const other = await TestIssuer.create();
      const demand = await call(app, client, { path: '/nonce', token });
      await play({ token });
      const captured = await proofFor(client, { token });
      await play({ token, proof: captured });
      await play({ token, proof: captured });
      await play({ token, path: '/nonce' });
      await play({ token, path: '/nonce', nonce: demand.nonce ?? '' });
      await play({ token, nonce: 'a-nonce-of-nobody' });
      await play({ token, origin: 'https://elsewhere.example' });
      await play({ token, claims: { iat: 1 } });
      await play({ token, proof: 'not-a-proof-at-all' });
      await play({ token: await other.issueToken({ client }) });
      await play({ token: 'opaque-token-of-a-client' });
      await play({ token: 'multiline-token-of-a-client' });
    });
    expect(decisions.length).toBeGreaterThanOrEqual(12);
    expect(logger.text).toContain('refused: invalid_dpop_proof (proof_htu: origin)');
    expect(logger.text).toContain('answered 503: internal_failure; Error at ');
    const published = JSON.stringify(decisions);
    for (const secret of secrets) {
      expect(published).not.toContain(secret);
      expect(logger.text).not.toContain(secret);
    }
  });
});
