import { randomBytes } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, HttpCode, Module, Post, UseGuards, UseInterceptors } from '@nestjs/common';
import {
  Dpop,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  DpopNonceInterceptor,
  type NonceSecretSource,
  MemoryStorage,
  SkipDpop,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, send } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { LogCollector } from './support/log-collector.js';
import { ORIGIN } from './support/origin.js';
import { type Platform, PLATFORMS } from './support/platforms.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';

/** The two endpoints of a credential issuer, as the page of the documentation has them. */
@Controller()
class CredentialController {
  @SkipDpop()
  @UseInterceptors(DpopNonceInterceptor)
  @HttpCode(200)
  @Post('nonce')
  nonce(): object {
    return { c_nonce: randomBytes(16).toString('base64url') };
  }

  @UseGuards(DpopGuard)
  @Dpop({ nonce: 'required' })
  @HttpCode(200)
  @Post('credential')
  issue(@DpopBound('subject') subject: string): object {
    return { credentials: [{ credential: subject }] };
  }
}

const clock = new HandClock();
let issuer: TestIssuer;
let client: TestClient;
let token: string;

beforeAll(async () => {
  issuer = await TestIssuer.create({ clock: clock.read });
  client = await TestClient.create({ clock: clock.read });
  token = await issuer.issueToken({ client });
});

afterEach(closeApps);

function start(
  platform: Platform,
  changes: Partial<DpopModuleOptions> = {},
  logger = new LogCollector(),
): Promise<RunningApp> {
  const options = { origin: ORIGIN, accessToken: issuer.accessToken, clock: clock.read, ...changes };
  @Module({ imports: [DpopModule.forRoot(options)], controllers: [CredentialController] })
  class IssuerModule {}
  return startApp(platform, { module: IssuerModule }, { logger, before: (app) => app.enableCors() });
}

const fetchNonce = (app: RunningApp) => send(`${app.url}/nonce`, { method: 'POST' });

describe.each(PLATFORMS)('a credential issuer on %s (G6)', (platform) => {
  test('supplies a nonce with which the first credential request passes', async () => {
    const app = await start(platform);
    const { status, body, nonce, headers } = await fetchNonce(app);
    expect(status).toBe(200);
    expect(body).toEqual({ c_nonce: expect.any(String) });
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('access-control-expose-headers')).toContain('DPoP-Nonce');
    const credential = { method: 'POST', path: '/credential', token };
    expect(await call(app, client, credential)).toMatchObject({ status: 401, code: 'use_dpop_nonce' });
    expect(await call(app, client, { ...credential, nonce: nonce ?? '' })).toMatchObject({
      status: 200,
      nonce: null,
      body: { credentials: [{ credential: 'user' }] },
    });
  });

  test('supplies one that is good after the loss of the replay records (F6)', async () => {
    const app = await start(platform, { storage: new MemoryStorage({ afterDataLoss: 'challenge' }) });
    const { nonce } = await fetchNonce(app);
    const credential = { method: 'POST', path: '/credential', token, nonce: nonce ?? '' };
    expect(await call(app, client, credential)).toMatchObject({ status: 200 });
  });

  test('answers 503 without its secrets, and not a nonce that nothing recognises (D8)', async () => {
    const nonceSecrets: NonceSecretSource = {
      secrets: () => {
        throw new Error('the secrets are away');
      },
    };
    const logger = new LogCollector();
    const { replayStore } = new MemoryStorage();
    const app = await start(platform, { storage: { replayStore, nonceSecrets, shared: true } }, logger);
    const { status, code, nonce, headers } = await fetchNonce(app);
    expect({ status, code, nonce }).toEqual({ status: 503, code: 'temporarily_unavailable', nonce: null });
    expect(headers.get('retry-after')).toBe('1');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(logger.text).toContain('answered 503: internal_failure');
    expect(logger.text).toContain('CredentialController.nonce');
  });
});
