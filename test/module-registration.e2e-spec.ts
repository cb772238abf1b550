import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type DynamicModule, Inject, Injectable, Module } from '@nestjs/common';
import { DpopModule, type DpopModuleOptions, type DpopOptionsFactory } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, proofFor } from './support/call.js';
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

const OPTIONS = Symbol('OPTIONS');

@Injectable()
class SettingsFactory implements DpopOptionsFactory {
  constructor(@Inject(OPTIONS) private readonly settings: DpopModuleOptions) {}

  createDpopOptions(): DpopModuleOptions {
    return this.settings;
  }
}

/** A factory without dependencies, for `useClass`. */
@Injectable()
class LoneFactory implements DpopOptionsFactory {
  async createDpopOptions(): Promise<DpopModuleOptions> {
    await Promise.resolve();
    return options();
  }
}

@Module({})
class SettingsModule {
  static of(settings: DpopModuleOptions): DynamicModule {
    return {
      module: SettingsModule,
      providers: [{ provide: OPTIONS, useValue: settings }, SettingsFactory],
      exports: [OPTIONS, SettingsFactory],
    };
  }
}

const SHAPES: readonly (readonly [string, () => DynamicModule])[] = [
  ['forRoot', () => DpopModule.forRoot(options())],
  ['forRootAsync, useFactory', () => DpopModule.forRootAsync({ useFactory: () => options() })],
  [
    'forRootAsync, an async useFactory with imports and inject',
    () =>
      DpopModule.forRootAsync({
        imports: [SettingsModule.of(options())],
        inject: [OPTIONS],
        useFactory: async (settings: DpopModuleOptions) => await Promise.resolve(settings),
      }),
  ],
  ['forRootAsync, useClass', () => DpopModule.forRootAsync({ useClass: LoneFactory })],
  [
    'forRootAsync, useExisting',
    () => DpopModule.forRootAsync({ imports: [SettingsModule.of(options())], useExisting: SettingsFactory }),
  ],
];

describe.each(PLATFORMS)('DpopModule on %s', (platform) => {
  test.each(SHAPES)('%s: a bound token with a proof passes, nothing else does', async (_shape, dpop) => {
    const app = await startApp(platform, createRootModule({ dpop: dpop() }));
    expect(await call(app, client, { token })).toMatchObject({ status: 200, body: { jkt: client.jkt } });
    expect(await call(app, client)).toMatchObject({ status: 401, code: 'credentials_missing' });
  });

  test('forRootAsync takes isGlobal beside the factory', async () => {
    const dpop = DpopModule.forRootAsync({ isGlobal: false, useFactory: () => options() });
    expect(dpop.global).toBe(false);
    expect(DpopModule.forRootAsync({ useFactory: () => options() }).global).toBe(true);
  });

  test('isGlobal: false leaves modules that do not import it without a guard, and the app without a start', async () => {
    @Module({ controllers: [GuardedController] })
    class StrangerModule {}

    const hidden = createRootModule({
      dpop: DpopModule.forRoot(options({ isGlobal: false })),
      controllers: [],
      imports: [StrangerModule],
    });
    await expect(startApp(platform, hidden)).rejects.toThrow(/DpopVerifier/);

    const seen = createRootModule({ dpop: DpopModule.forRoot(options({ isGlobal: false })) });
    const app = await startApp(platform, seen);
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });

    const global = createRootModule({
      dpop: DpopModule.forRoot(options()),
      controllers: [],
      imports: [StrangerModule],
    });
    const other = await startApp(platform, global);
    expect(await call(other, client, { token })).toMatchObject({ status: 200 });
  });

  test('two apps in one process never see the configuration of each other (B6, C9o)', async () => {
    const otherOrigin = 'https://other.example.com';
    const otherIssuer = await TestIssuer.create({ issuer: 'https://other.issuer.test' });
    const otherToken = await otherIssuer.issueToken({ client });
    const first = await startApp(platform, createRootModule({ dpop: DpopModule.forRoot(options()) }));
    const second = await startApp(
      platform,
      createRootModule({
        dpop: DpopModule.forRoot({
          origin: otherOrigin,
          accessToken: otherIssuer.accessToken,
          nonce: 'required',
          realm: 'other',
        }),
      }),
    );

    const { nonce } = await call(second, client, { token: otherToken, origin: otherOrigin });
    const good = { status: 200, body: { jkt: client.jkt } };
    const rounds = Array.from({ length: 5 }, async () => {
      const answers = await Promise.all([
        call(first, client, { token }),
        call(second, client, { token: otherToken, origin: otherOrigin, ...(nonce !== null && { nonce }) }),
        call(first, client, { token: otherToken }),
        call(second, client, { token, origin: otherOrigin }),
        call(first, client, { token, origin: otherOrigin }),
        call(second, client, { token: otherToken }),
        call(second, client, { token: otherToken, origin: otherOrigin }),
      ]);
      expect(answers).toMatchObject([
        good,
        good,
        { status: 401, code: 'invalid_token' },
        { status: 401, code: 'invalid_token' },
        { status: 401, code: 'invalid_dpop_proof' },
        { status: 401, code: 'invalid_dpop_proof' },
        { status: 401, code: 'use_dpop_nonce' },
      ]);
      expect(answers[2].challenge).not.toContain('realm');
      expect(answers[3].challenge).toContain('realm="other"');
    });
    await Promise.all(rounds);
  });

  test('what one app remembers of a proof is not what the other remembers (C9o)', async () => {
    const [first, second] = [
      await startApp(platform, createRootModule({ dpop: DpopModule.forRoot(options()) })),
      await startApp(platform, createRootModule({ dpop: DpopModule.forRoot(options()) })),
    ];
    const proof = await proofFor(client, { token });
    expect(await call(first, client, { token, proof })).toMatchObject({ status: 200 });
    expect(await call(second, client, { token, proof })).toMatchObject({ status: 200 });
    expect(await call(first, client, { token, proof })).toMatchObject({ status: 401 });
    expect(await call(second, client, { token, proof })).toMatchObject({ status: 401 });
  });
});
