import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  Dpop,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  RequireAuthentication,
  RequireScopes,
  SkipDpop,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, proofFor, send, UNAVAILABLE } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, startApp } from './support/running-app.js';

afterEach(closeApps);

@Controller()
class PolicyController {
  @Get('guarded')
  guarded(): string {
    return 'guarded';
  }

  @SkipDpop()
  @Get('skipped')
  skipped(@DpopBound() jkt: string): string {
    return jkt;
  }

  @SkipDpop()
  @Get('open')
  open(): string {
    return 'open';
  }

  @Dpop({ nonce: 'required' })
  @Get('nonce')
  nonce(): string {
    return 'nonce';
  }
}

@SkipDpop()
@Controller('public')
class PublicController {
  @Get('open')
  open(): string {
    return 'open';
  }

  @Dpop()
  @Get('closed')
  closed(): string {
    return 'closed';
  }

  @RequireScopes('read')
  @Get('scoped')
  scoped(): string {
    return 'scoped';
  }
}

@Dpop({ nonce: 'required', bearer: 'allow-unbound' })
@RequireScopes('read', 'write')
@Controller('strict')
class StrictController {
  @Get('inherited')
  inherited(): string {
    return 'inherited';
  }

  @Dpop({ nonce: 'off' })
  @Get('without-nonce')
  withoutNonce(): string {
    return 'without-nonce';
  }

  @Dpop({ nonce: 'off', bearer: 'reject' })
  @RequireScopes('read')
  @Get('own')
  own(): string {
    return 'own';
  }
}

@RequireAuthentication({ acrValues: ['phr', 'phrh'], maxAgeSeconds: 300 })
@Controller('step-up')
class StepUpController {
  @Get()
  both(): string {
    return 'both';
  }

  @RequireAuthentication({ maxAgeSeconds: 0 })
  @Get('now')
  now(): string {
    return 'now';
  }
}

describe.each(PLATFORMS)('policies of routes on %s', (platform) => {
  const clock = new HandClock();
  let timed: { readonly issuer: TestIssuer; readonly client: TestClient };

  beforeAll(async () => {
    timed = {
      issuer: await TestIssuer.create({ clock: clock.read }),
      client: await TestClient.create({ clock: clock.read }),
    };
  });

  async function start(overrides: Partial<DpopModuleOptions> = {}) {
    const dpop = DpopModule.forRoot(
      withOrigin({ accessToken: timed.issuer.accessToken, clock: clock.read, ...overrides }),
    );
    const controllers = [PolicyController, PublicController, StrictController, StepUpController];
    const providers = [{ provide: APP_GUARD, useExisting: DpopGuard }];
    return await startApp(platform, createRootModule({ dpop, controllers, providers }));
  }

  test('@SkipDpop opens a route or a class; what a handler asks for takes it back', async () => {
    const app = await start();
    const bare = async (path: string) => (await call(app, timed.client, { path })).status;
    expect(await bare('/open')).toBe(200);
    expect(await bare('/public/open')).toBe(200);
    expect(await bare('/guarded')).toBe(401);
    expect(await bare('/public/closed')).toBe(401);
    expect(await bare('/public/scoped')).toBe(401);
    const reader = await timed.issuer.issueToken({ client: timed.client, scopes: ['read'] });
    for (const path of ['/guarded', '/public/closed', '/public/scoped']) {
      expect(await call(app, timed.client, { path, token: reader })).toMatchObject({ status: 200 });
    }
  });

  test('a skipped route reads no credentials, however broken they are', async () => {
    const app = await start();
    const headers = { authorization: 'DPoP x y z', dpop: 'nonsense' };
    expect(await send(`${app.url}/open`, { headers })).toMatchObject({ status: 200 });
  });

  test('@DpopBound on a route that is open is 503, not undefined', async () => {
    const app = await start();
    expect(await call(app, timed.client, { path: '/skipped' })).toMatchObject(UNAVAILABLE);
  });

  test('@Dpop and @RequireScopes of the handler win over those of the class (E1, D2)', async () => {
    const app = await start();
    const writer = await timed.issuer.issueToken({ client: timed.client, scopes: ['write', 'read'] });
    const reader = await timed.issuer.issueToken({ client: timed.client, scopes: ['read', 'readwrite'] });

    const demanded = await call(app, timed.client, { path: '/strict/inherited', token: writer });
    expect(demanded).toMatchObject({ status: 401, code: 'use_dpop_nonce' });
    const nonce = demanded.nonce ?? '';
    expect(await call(app, timed.client, { path: '/strict/inherited', token: writer, nonce })).toMatchObject({
      status: 200,
    });

    const missing = await call(app, timed.client, { path: '/strict/inherited', token: reader, nonce });
    expect(missing).toMatchObject({ status: 403, code: 'insufficient_scope' });
    expect(missing.challenge).toMatch(/DPoP error="insufficient_scope".*scope="read write"/);

    const withoutNonce = await call(app, timed.client, { path: '/strict/without-nonce', token: reader });
    expect(withoutNonce).toMatchObject({ status: 403, code: 'insufficient_scope' });
    expect(await call(app, timed.client, { path: '/strict/without-nonce', token: writer })).toMatchObject({
      status: 200,
    });
    expect(await call(app, timed.client, { path: '/strict/own', token: reader })).toMatchObject({
      status: 200,
    });
  });

  test('bearer of the handler wins over that of the class (B5)', async () => {
    const app = await start();
    const unbound = await timed.issuer.issueToken({ scopes: ['read', 'write'] });
    const headers = { authorization: `Bearer ${unbound}` };
    expect(await send(`${app.url}/strict/inherited`, { headers })).toMatchObject({ status: 200 });
    const refused = await send(`${app.url}/strict/own`, { headers });
    expect(refused).toMatchObject({ status: 401, code: 'invalid_token' });
    expect(refused.challenge).toMatch(/^DPoP error="invalid_token"/);
    const bare = await send(`${app.url}/strict/inherited`);
    expect(bare.challenge).toMatch(/^Bearer, DPoP algs="[^"]+"$/);
  });

  test('a request refused for its scopes has not spent its proof (F4)', async () => {
    const app = await start();
    const weak = await timed.issuer.issueToken({ client: timed.client });
    const proof = await proofFor(timed.client, { path: '/strict/own', token: weak });
    const refusal = { path: '/strict/own', token: weak, proof };
    expect(await call(app, timed.client, refusal)).toMatchObject({ status: 403 });
    expect(await call(app, timed.client, refusal)).toMatchObject({ status: 403 });
  });

  const nowSeconds = () => clock.ms / 1000;
  const authentications: readonly (readonly [string, () => Record<string, unknown>, number])[] = [
    ['strong and recent', () => ({ acr: 'phrh', auth_time: nowSeconds() - 10 }), 200],
    ['exactly as old as allowed', () => ({ acr: 'phr', auth_time: nowSeconds() - 300 }), 200],
    ['a second too old', () => ({ acr: 'phr', auth_time: nowSeconds() - 301 }), 401],
    ['too weak', () => ({ acr: 'pwd', auth_time: nowSeconds() }), 401],
    ['of no told strength', () => ({ auth_time: nowSeconds() }), 401],
    ['of no told time', () => ({ acr: 'phr' }), 401],
    ['told in wrong types', () => ({ acr: ['phr'], auth_time: String(nowSeconds()) }), 401],
  ];

  test.each(authentications)('@RequireAuthentication: %s (D2)', async (_name, claims, status) => {
    const app = await start();
    const issued = await timed.issuer.issueToken({ client: timed.client, claims: claims() });
    const answer = await call(app, timed.client, { path: '/step-up', token: issued });
    expect(answer.status).toBe(status);
    if (status === 200) return;
    expect(answer.code).toBe('insufficient_user_authentication');
    expect(answer.challenge).toMatch(/^DPoP error="insufficient_user_authentication", /);
    expect(answer.challenge).toContain('acr_values="phr phrh", max_age="300"');
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test('@RequireAuthentication of the handler replaces that of the class, zero counts (D2)', async () => {
    const app = await start();
    const claims = { auth_time: nowSeconds() - 1 };
    const issued = await timed.issuer.issueToken({ client: timed.client, claims });
    const answer = await call(app, timed.client, { path: '/step-up/now', token: issued });
    expect(answer.challenge).toContain('max_age="0"');
    expect(answer.challenge).not.toContain('acr_values');
    const fresh = await timed.issuer.issueToken({
      client: timed.client,
      claims: { auth_time: nowSeconds() },
    });
    expect(await call(app, timed.client, { path: '/step-up/now', token: fresh })).toMatchObject({
      status: 200,
    });
  });
});
