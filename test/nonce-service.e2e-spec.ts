import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get, Inject, Post, UseGuards } from '@nestjs/common';
import { DpopBound, DpopGuard, DpopModule, type DpopModuleOptions, NonceService } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call } from './support/call.js';
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
class NonceController {
  constructor(@Inject(NonceService) private readonly nonces: NonceService) {}

  @Post('nonce')
  hand(): { c_nonce: string } {
    return { c_nonce: this.nonces.issue() };
  }

  @UseGuards(DpopGuard)
  @Get('guarded')
  guarded(@DpopBound('hasNonce') hasNonce: boolean): boolean {
    return hasNonce;
  }
}

describe.each(PLATFORMS)('NonceService injected on %s (E7)', (platform) => {
  test('an app hands out a nonce on a route of its own, and the guard accepts it', async () => {
    const dpop = DpopModule.forRoot(options({ nonce: 'required' }));
    const app = await startApp(platform, createRootModule({ dpop, controllers: [NonceController] }));
    const { body } = await call(app, client, { method: 'POST', path: '/nonce' });
    const nonce = (body as { c_nonce: string }).c_nonce;
    expect(await call(app, client, { path: '/guarded', token, nonce })).toMatchObject({
      status: 200,
      body: true,
    });
    const tampered = nonce.slice(0, -1) + (nonce.endsWith('A') ? 'B' : 'A');
    expect(await call(app, client, { path: '/guarded', token, nonce: tampered })).toMatchObject({
      status: 401,
      code: 'use_dpop_nonce',
    });
  });
});
