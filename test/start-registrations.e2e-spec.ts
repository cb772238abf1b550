import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, type DynamicModule, Get, Module, type Type, UseGuards } from '@nestjs/common';
import { DpopGuard, DpopModule, type DpopModuleOptions, MemoryStorage } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, proofFor } from './support/call.js';
import { GuardedController } from './support/guarded.controller.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule, type RootParts } from './support/root-module.js';
import { closeApps, startApp } from './support/running-app.js';
import { startFailureOf } from './support/start-failure.js';

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

const root = (parts: Partial<RootParts>): DynamicModule =>
  createRootModule({ dpop: DpopModule.forRoot(options()), controllers: [], ...parts });

describe.each(PLATFORMS)('several registrations on %s (I3)', (platform) => {
  const registering = (dpop: DynamicModule): Type => {
    @Module({ imports: [dpop] })
    class FeatureModule {}
    return FeatureModule;
  };

  const pairs: readonly (readonly [string, () => readonly [DynamicModule, DynamicModule]])[] = [
    [
      'forRoot with different options',
      () => [DpopModule.forRoot(options()), DpopModule.forRoot(options({ nonce: 'required' }))],
    ],
    [
      'forRoot with different storages',
      () => [
        DpopModule.forRoot(options({ storage: new MemoryStorage() })),
        DpopModule.forRoot(options({ storage: new MemoryStorage() })),
      ],
    ],
    [
      'forRoot and forRootAsync',
      () => [DpopModule.forRoot(options()), DpopModule.forRootAsync({ useFactory: () => options() })],
    ],
    [
      'forRootAsync twice',
      () => [
        DpopModule.forRootAsync({ useFactory: () => options() }),
        DpopModule.forRootAsync({ useFactory: () => options({ bearer: 'allow-unbound' }) }),
      ],
    ],
  ];

  test.each(pairs)('%s: neither wins, and both places are named', async (_name, make) => {
    const [first, second] = make();
    const module = root({ dpop: first, imports: [registering(second)], controllers: [GuardedController] });
    const message = await startFailureOf(platform, module);
    expect(message).toMatch(/^DpopModule is registered globally 2 times/);
    expect(message).toContain('in the imports of RootModule and of FeatureModule');
    expect(message).toContain('isGlobal: false');
  });

  test('equal options are one registration, with one memory', async () => {
    const dpop = () => DpopModule.forRoot(options({ proof: { maxAgeSeconds: 30 } }));
    @Module({ imports: [dpop()], controllers: [GuardedController] })
    class FeatureModule {}
    const app = await startApp(platform, root({ dpop: dpop(), imports: [FeatureModule] }));
    const proof = await proofFor(client, { token });
    expect(await call(app, client, { token, proof })).toMatchObject({ status: 200 });
    expect(await call(app, client, { token, proof })).toMatchObject({ status: 401 });
    expect(dpop()).toBe(dpop());
  });

  test('the same module imported in several places is one registration', async () => {
    const dpop = DpopModule.forRootAsync({ useFactory: () => options() });
    const app = await startApp(platform, root({ dpop, imports: [registering(dpop)] }));
    await app.nest.close();
  });

  test('two registrations with isGlobal: false in one module: neither wins', async () => {
    const parts = [options(), options({ nonce: 'required' })].map((part) =>
      DpopModule.forRoot({ ...part, isGlobal: false }),
    );
    @Module({ imports: parts, controllers: [GuardedController] })
    class PartModule {}
    expect(await startFailureOf(platform, root({ imports: [PartModule] }))).toMatch(
      /^PartModule imports two registrations of DpopModule with isGlobal: false/,
    );
  });

  test('isGlobal: false registers options for a part of the app', async () => {
    const dpop = DpopModule.forRoot(options({ isGlobal: false, nonce: 'required' }));
    @Controller('part')
    @UseGuards(DpopGuard)
    class PartController {
      @Get()
      read(): string {
        return 'part';
      }
    }
    @Module({ imports: [dpop], controllers: [PartController] })
    class PartModule {}
    const app = await startApp(platform, root({ imports: [PartModule], controllers: [GuardedController] }));
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    expect(await call(app, client, { token, path: '/part' })).toMatchObject({ code: 'use_dpop_nonce' });
  });
});

describe.each(PLATFORMS)('the module imported as it is, on %s (I4)', (platform) => {
  const words =
    /^DpopModule was imported without options \(DPOP_MODULE_OPTIONS\): import DpopModule\.forRoot\(\{ origin, accessToken \}\).*other modules need not import it/;

  test('alone', async () => {
    expect(
      await startFailureOf(platform, root({ dpop: DpopModule, controllers: [GuardedController] })),
    ).toMatch(words);
  });

  test('in a module of an app that has it globally', async () => {
    @Module({ imports: [DpopModule] })
    class FeatureModule {}
    expect(await startFailureOf(platform, root({ imports: [FeatureModule] }))).toMatch(words);
  });
});
