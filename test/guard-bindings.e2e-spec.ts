import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { DpopBound, DpopGuard, DpopModule, type DpopModuleOptions } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, proofFor } from './support/call.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, startApp } from './support/running-app.js';

let issuer: TestIssuer;
let client: TestClient;
let token: string;
let hits = 0;

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
@UseGuards(DpopGuard)
class ThriceController {
  @Get()
  @UseGuards(DpopGuard)
  read(@DpopBound('scheme') scheme: string): { scheme: string } {
    hits += 1;
    return { scheme };
  }
}

describe.each(PLATFORMS)('a guard bound several times on %s (F1)', (platform) => {
  const binders: readonly (readonly [string, 'provider' | 'app' | 'both'])[] = [
    ['APP_GUARD', 'provider'],
    ['useGlobalGuards', 'app'],
    ['both', 'both'],
  ];

  test.each(binders)(
    'by %s, class and method: passes once, and its replay is refused',
    async (_name, where) => {
      const providers = where === 'app' ? [] : [{ provide: APP_GUARD, useExisting: DpopGuard }];
      const module = createRootModule({
        dpop: DpopModule.forRoot(options()),
        controllers: [ThriceController],
        providers,
      });
      const app = await startApp(platform, module, {
        before: (nest) => {
          if (where !== 'provider') nest.useGlobalGuards(nest.get(DpopGuard));
        },
      });
      const proof = await proofFor(client, { token });
      hits = 0;
      expect(await call(app, client, { token, proof })).toMatchObject({
        status: 200,
        body: { scheme: 'DPoP' },
      });
      expect(await call(app, client, { token, proof })).toMatchObject({
        status: 401,
        code: 'invalid_dpop_proof',
      });
      expect(hits).toBe(1);
    },
  );

  test('by APP_GUARD as a class of its own: each instance finds the same examination', async () => {
    const providers = [{ provide: APP_GUARD, useClass: DpopGuard }];
    const module = createRootModule({
      dpop: DpopModule.forRoot(options()),
      controllers: [ThriceController],
      providers,
    });
    const app = await startApp(platform, module);
    const proof = await proofFor(client, { token });
    expect(await call(app, client, { token, proof })).toMatchObject({ status: 200 });
    expect(await call(app, client, { token, proof })).toMatchObject({ status: 401 });
  });
});
