import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type DynamicModule, Module } from '@nestjs/common';
import { DpopModule, MemoryDenyList } from '../lib/index.js';
import {
  SecurityEventsModule,
  type SecurityEventsOptions,
  type SecurityEventsOptionsFactory,
} from '../lib/security-events/index.js';
import { HandClock } from './support/hand-clock.js';
import { ORIGIN } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { closeApps, startApp } from './support/running-app.js';
import { EventScene, RECEIVER } from './support/security-events.js';

let scene: EventScene;

beforeEach(async () => {
  scene = await EventScene.create(new HandClock());
});
afterEach(closeApps);

const denyList = new MemoryDenyList({ maxTokenLifetimeSeconds: 3600 });
const transmitter = { issuer: 'https://auth.example.com', audience: RECEIVER };

describe.each(PLATFORMS)('the start of a receiver on %s (B9, I4)', (platform) => {
  const start = (events: Partial<SecurityEventsOptions>) =>
    Promise.resolve().then(() => scene.start(platform, { denyList, events }));

  const warnings = (): readonly string[] =>
    scene.logger.lines.filter((line) => line.startsWith('warn') && line.includes('SecurityEventsModule'));

  test.each(['../x', './x', 'a/../b', '..', 'a/.', '%2e%2e/x', 'a%20b', 'a?b', 'a#b', 'a//b', '//a', 'a\\b'])(
    'refuses the path %j',
    async (path) => {
      await expect(start({ path })).rejects.toThrow(
        'SecurityEventsModule: path must be a path of fixed segments',
      );
    },
  );

  test('accepts a transmitter on plain http with the option that the error names', async () => {
    const transmitters = [{ ...transmitter, issuer: 'http://keycloak:8080', keys: scene.keys }];
    await expect(start({ transmitters })).rejects.toThrow(
      /transmitters\[0\]\.issuer.*set allowInsecureHttp: true/,
    );
    const app = await start({ transmitters, allowInsecureHttp: true });
    expect((await scene.push(app, 'x')).status).toBe(400);
  });

  test('names path among the known options of forRoot', async () => {
    const misspelt = { paht: 'x' } as object;
    await expect(start(misspelt)).rejects.toThrow(
      'SecurityEventsModule: forRoot() has no option "paht"; known: path, transmitters, denyList, authorization, allowInsecureHttp, clock',
    );
  });

  test.each<[string, () => DynamicModule | typeof SecurityEventsModule, string]>([
    [
      'without forRoot',
      () => SecurityEventsModule,
      'SecurityEventsModule was imported without options (SECURITY_EVENTS_MODULE_OPTIONS): import SecurityEventsModule.forRoot({ path, transmitters, denyList })',
    ],
    [
      'without a factory',
      () => SecurityEventsModule.forRootAsync({ path: 'x' }),
      'SecurityEventsModule.forRootAsync() must be given one of useFactory, useClass and useExisting; given: none',
    ],
    [
      'with a misspelt path beside a factory',
      () => SecurityEventsModule.forRootAsync({ paht: 'x', useFactory: () => ({}) } as never),
      'SecurityEventsModule.forRootAsync() has no option "paht"; known: useFactory, useClass, useExisting, inject, imports, provideInjectionTokensFrom, path',
    ],
    [
      'with the path in the factory',
      () =>
        SecurityEventsModule.forRootAsync({
          path: 'x',
          useFactory: () => ({ path: 'x', denyList, transmitters: [transmitter] }),
        }),
      'SecurityEventsModule: path must be given to forRootAsync itself, beside the factory',
    ],
  ])('says what is wrong %s', async (_what, module, words) => {
    const started = Promise.resolve().then(() =>
      scene.start(platform, { module: module as () => DynamicModule }),
    );
    await expect(started).rejects.toThrow(words);
  });

  test('takes its options from a class', async () => {
    const { issuer } = scene.issuer;
    const transmitters = [{ issuer, audience: RECEIVER, keys: scene.keys }];
    class Factory implements SecurityEventsOptionsFactory {
      createSecurityEventsOptions = () => ({ denyList, transmitters, clock: scene.clock.read });
    }
    const app = await scene.start(platform, {
      denyList,
      module: ({ path }) => SecurityEventsModule.forRootAsync({ path, useClass: Factory }),
    });
    expect((await scene.push(app, await scene.sign(), { authorization: undefined })).status).toBe(202);
  });

  test('shows no secret, but how long it is', async () => {
    const started = start({ authorization: ['Bearer 0123456789abcdef', 'Bearer short'] });
    await expect(started).rejects.toThrow('at least 16 characters; a value has 12 characters');
    await expect(started).rejects.not.toThrow(/short|0123/);
  });

  test.each(['security-events', '/security-events', 'Security-Events'])(
    'refuses two receivers of one path: %s',
    async (path) => {
      @Module({
        imports: [
          SecurityEventsModule.forRoot({
            path,
            transmitters: [{ ...transmitter, keys: scene.keys }],
            denyList,
          }),
        ],
      })
      class OtherModule {}
      const started = Promise.resolve().then(() =>
        scene.start(platform, { denyList, imports: [OtherModule] }),
      );
      await expect(started).rejects.toThrow(
        'SecurityEventsModule is registered twice with the path "security-events"',
      );
    },
  );

  test('warns of issuers whose tokens DpopModule does not accept', async () => {
    const { issuer } = scene.issuer;
    await start({});
    expect(warnings()).toStrictEqual([]);
    const transmitters = [
      { ...transmitter, keys: scene.keys },
      { ...transmitter, issuer: 'https://b.test', keys: scene.keys, subjectIssuers: [issuer, `${issuer}/`] },
      { ...transmitter, issuer: 'https://c.test', keys: scene.keys, subjectIssuers: [issuer] },
    ];
    await scene.start(platform, { denyList, events: { transmitters } });
    expect(warnings()).toEqual([
      expect.stringContaining('accepts no access tokens of https://auth.example.com, so that events'),
      expect.stringContaining(
        `accepts no access tokens of ${issuer}/, so that events about them revoke nothing: set subjectIssuers of the transmitter https://b.test to the issuers in accessToken, each exactly as in iss: ${issuer}`,
      ),
    ]);
  });

  test('warns of nothing where DpopModule resolves issuers at run time', async () => {
    const keys = scene.keys;
    @Module({
      imports: [
        DpopModule.forRoot({
          origin: ORIGIN,
          accessToken: { resolveIssuer: () => undefined, tenantOf: () => 'x' },
          revocation: denyList,
        }),
        SecurityEventsModule.forRoot({ path: 'x', transmitters: [{ ...transmitter, keys }], denyList }),
      ],
    })
    class App {}
    await startApp(platform, App, { logger: scene.logger });
    expect(warnings()).toStrictEqual([]);
  });

  test('warns of an app without DpopModule', async () => {
    const keys = scene.keys;
    @Module({
      imports: [
        SecurityEventsModule.forRoot({ path: 'x', transmitters: [{ ...transmitter, keys }], denyList }),
      ],
    })
    class App {}
    await startApp(platform, App, { logger: scene.logger });
    expect(warnings()).toEqual([expect.stringContaining('received in an app without DpopModule')]);
  });
});
