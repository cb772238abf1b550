import type { DynamicModule, Type } from '@nestjs/common';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import { NestFactory, REQUEST } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryDenyList } from '../revocation/memory-deny-list.js';
import type { SecurityEventsOptionsFactory } from './module-definition.js';
import type { SecurityEventsOptions } from './security-events-options.js';
import { SecurityEventsModule } from './security-events.module.js';

let lines: string[];
const write =
  (level: string) =>
  (text: unknown, ...rest: unknown[]): void => {
    if (rest.at(-1) === 'SecurityEventsModule') lines.push(`${level} ${String(text)}`);
  };
const logger = { log: write('log'), warn: write('warn'), error: write('error'), debug: write('debug') };

beforeEach(() => {
  lines = [];
});

const denyList = new MemoryDenyList({ maxTokenLifetimeSeconds: 60 });
const transmitters = [{ issuer: 'https://a.test', audience: 'x', jwksUri: 'https://a.test/jwks' }];
const options: SecurityEventsOptions = { path: 'a/b', denyList, transmitters };
const WITHOUT_DPOP = expect.stringMatching(/^warn Security events are received in an app without DpopModule/);

const run = async (module: DynamicModule | Type): Promise<void> => {
  const app = await NestFactory.createApplicationContext(module as Type, { logger, abortOnError: false });
  await app.close();
};

describe('the module of security events (B9, I4)', () => {
  test.each(['forRoot', 'forRootAsync'] as const)('has a controller at the path of %s', (way) => {
    const { path, ...rest } = options;
    const { module, controllers = [] } =
      way === 'forRoot'
        ? SecurityEventsModule.forRoot(options)
        : SecurityEventsModule.forRootAsync({ path, useFactory: () => rest });
    expect(module).toBe(SecurityEventsModule);
    expect(controllers.map((type) => Reflect.getMetadata(PATH_METADATA, type) as unknown)).toEqual(['a/b']);
  });

  test('starts without a server, warns, and says at shutdown what it left out', async () => {
    const fetch = () => Promise.reject(new Error('x'));
    await run(
      SecurityEventsModule.forRoot({ ...options, transmitters: [{ ...transmitters[0], fetch } as never] }),
    );
    expect(lines).toEqual([WITHOUT_DPOP, expect.stringContaining('cannot be fetched')]);
  });

  test('warns of keys that it cannot fetch, and answers by its logger', async () => {
    let fail: (error: Error) => void = () => undefined;
    const fetchKeys = () => new Promise((_resolve, reject) => (fail = reject));
    const app = await NestFactory.create(
      SecurityEventsModule.forRoot({
        ...options,
        transmitters: [{ ...transmitters[0], fetch: fetchKeys } as never],
      }),
      new FastifyAdapter(),
      { logger, abortOnError: false },
    );
    await app.listen(0, '127.0.0.1');
    expect(lines).toEqual([WITHOUT_DPOP]);
    fail(new Error('x'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(lines).toEqual([
      WITHOUT_DPOP,
      expect.stringMatching(/^warn the keys of the issuer https:\/\/a\.test/),
    ]);
    const url = `${await app.getUrl()}/a/b`;
    const send = async (method: string, type = 'application/secevent+jwt') =>
      (await fetch(url, { method, headers: { 'content-type': type }, body: '{' })).status;
    expect([await send('POST'), await send('POST', 'application/json'), await send('PUT')]).toEqual([
      400, 415, 405,
    ]);
    expect(lines.slice(2)).toEqual([
      expect.stringMatching(/^warn refused .*\(form\)/),
      expect.stringMatching(/^warn refused .*\(content_type\)/),
      expect.stringMatching(/^warn refused .*\(method\)/),
    ]);
    for (let time = 0; time < 10; time += 1) await send('POST');
    lines = [];
    await app.close();
    expect(lines).toEqual([expect.stringMatching(/^warn 1 more of the refusals \(form\)/)]);
  });

  test('takes its options from a class, by the name of its method', async () => {
    const { path, ...rest } = options;
    class Factory implements SecurityEventsOptionsFactory {
      createSecurityEventsOptions = () => ({ ...rest, clock: 'x' as never });
    }
    await expect(run(SecurityEventsModule.forRootAsync({ path, useClass: Factory }))).rejects.toThrow(
      'SecurityEventsModule: clock must be a function',
    );
  });

  test('does not start with options that depend on a request', async () => {
    const { path, ...rest } = options;
    const module = SecurityEventsModule.forRootAsync({ path, inject: [REQUEST], useFactory: () => rest });
    await expect(run(module)).rejects.toThrow('a request-scoped provider: SecurityEventsModule → REQUEST');
  });

  test('starts in preview mode, in which Nest creates nothing', async () => {
    const app = await NestFactory.create(SecurityEventsModule.forRoot(options), new ExpressAdapter(), {
      logger: { ...logger, warn: (text: unknown) => lines.push(String(text)) },
      abortOnError: false,
      preview: true,
    });
    await app.init();
    await app.close();
    expect(lines.filter((line) => line.includes('configure'))).toStrictEqual([]);
  });

  test.each<[string, () => DynamicModule | typeof SecurityEventsModule, string]>([
    [
      'no options',
      () => SecurityEventsModule.forRoot(undefined as never),
      'SecurityEventsModule.forRoot() must be given an object of options; it is undefined',
    ],
    [
      'a misspelt option',
      () => SecurityEventsModule.forRoot({ ...options, paht: 'x' } as never),
      'SecurityEventsModule: forRoot() has no option "paht"; known: path, transmitters, denyList, authorization, allowInsecureHttp, clock',
    ],
    [
      'a bad path',
      () => SecurityEventsModule.forRoot({ ...options, path: '..' }),
      'SecurityEventsModule: path must be a path of fixed segments',
    ],
    [
      'no factory',
      () => SecurityEventsModule.forRootAsync({ path: 'x' }),
      'SecurityEventsModule.forRootAsync() must be given one of useFactory, useClass and useExisting; given: none',
    ],
    [
      'a bad path beside a factory',
      () => SecurityEventsModule.forRootAsync({ path: 'a?', useFactory: () => options }),
      'SecurityEventsModule: path must be a path of fixed segments',
    ],
    [
      'isGlobal',
      () =>
        SecurityEventsModule.forRootAsync({ path: 'x', isGlobal: true, useFactory: () => options } as never),
      'SecurityEventsModule.forRootAsync() has no option "isGlobal"; known: useFactory, useClass, useExisting, inject, imports, provideInjectionTokensFrom, path',
    ],
    [
      'nothing but its class',
      () => SecurityEventsModule,
      'SecurityEventsModule was imported without options (SECURITY_EVENTS_MODULE_OPTIONS): import SecurityEventsModule.forRoot({ path, transmitters, denyList }) or SecurityEventsModule.forRootAsync({ … }) once, in the root module',
    ],
  ])('does not start with %s', async (_what, create, message) => {
    await expect(Promise.resolve().then(() => run(create()))).rejects.toThrow(message);
    await expect(Promise.resolve().then(() => run(create()))).rejects.not.toThrow('It is global');
  });
});
