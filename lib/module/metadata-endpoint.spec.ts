import { ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  Controller,
  type DynamicModule,
  Get,
  type INestApplication,
  Module,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { PLATFORMS } from '../../test/support/platforms.js';
import { type RawResponse, sendRaw, valuesOf } from '../../test/support/raw-request.js';
import { closeApps, type RunningApp, startApp, type StartOptions } from '../../test/support/running-app.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import { Dpop } from '../guard/policy.decorators.js';
import { RequireScopes } from '../guard/rights.decorators.js';
import { MemoryStorage } from '../storage/memory.storage.js';
import { TestIssuer } from '../testing/test-issuer.js';
import { DpopModule } from './dpop.module.js';

const ORIGIN = 'https://api.example.com';
const OTHER = 'https://api.example.org';
const WELL_KNOWN = '/.well-known/oauth-protected-resource';
const NOT_FOUND = { status: 404, body: '{"statusCode":404,"message":"Not Found"}' };

let issuer: TestIssuer;
let lines: string[];
const write =
  (level: string) =>
  (text: unknown, ...rest: unknown[]): void =>
    void lines.push(`${level} [${String(rest.at(-1))}] ${String(text)}`);
const logger = { log: () => undefined, warn: write('warn'), error: write('error') };

beforeAll(async () => {
  issuer = await TestIssuer.create();
});

beforeEach(() => {
  lines = [];
});

afterEach(closeApps);

/** Below the well-known path, and everywhere else. */
@Controller()
class OwnController {
  @Get('.well-known/oauth-protected-resource/own')
  own(): string {
    return 'own';
  }
}

type Options = Partial<DpopModuleOptions>;

let registered = 0;

const dpopModule = (options: Options): DynamicModule =>
  DpopModule.forRoot({
    origin: ORIGIN,
    accessToken: issuer.accessToken,
    // Registrations with equal options would be one.
    realm: String((registered += 1)),
    storage: Object.assign(new MemoryStorage(), { shared: true }),
    unguardedRoutes: 'warn',
    ...options,
  });

/** One registration for the whole app, or several for its parts. */
function rootOf(
  registrations: readonly Options[],
  controllers: readonly Type[] = [OwnController],
): DynamicModule {
  @Module({})
  class Root {}
  const parts = registrations.map((options) => {
    class Part {}
    const isGlobal = registrations.length === 1;
    return { module: Part, imports: [dpopModule({ isGlobal, ...options })] };
  });
  return { module: Root, imports: parts, controllers: [...controllers] };
}

const ask = (
  { port }: RunningApp,
  path = WELL_KNOWN,
  host = 'api.example.com',
  method = 'GET',
): Promise<RawResponse> => sendRaw(port, { method, target: path, fields: [['Host', host]] });

const resourceIn = ({ status, body }: RawResponse): unknown => {
  expect({ status, body }).toMatchObject({ status: 200 });
  return (JSON.parse(body) as { readonly resource: unknown }).resource;
};

describe.each(PLATFORMS)('the endpoint of metadata on %s (H)', (platform) => {
  const start = (
    registrations: readonly Options[] = [{ metadata: {} }],
    startOptions: StartOptions = {},
    controllers?: readonly Type[],
  ): Promise<RunningApp> =>
    startApp(platform, rootOf(registrations, controllers), { logger, ...startOptions });

  test('serves the document to caches and to scripts of any origin, by GET and HEAD', async () => {
    const adapter = platform === 'fastify' ? new FastifyAdapter({ exposeHeadRoutes: false }) : undefined;
    const app = await start([{ metadata: {} }], adapter && { adapter });
    const get = await ask(app);
    expect(JSON.parse(get.body)).toEqual({
      resource: ORIGIN,
      authorization_servers: [issuer.issuer],
      bearer_methods_supported: ['header'],
      dpop_signing_alg_values_supported: expect.arrayContaining(['ES256']),
      dpop_bound_access_tokens_required: true,
    });
    const head = await ask(app, WELL_KNOWN, 'api.example.com', 'HEAD');
    for (const response of [get, head]) {
      expect(response.status).toBe(200);
      expect(valuesOf(response, 'content-type').join()).toMatch(/^application\/json\b/);
      expect(valuesOf(response, 'cache-control')).toEqual(['public, max-age=3600']);
      expect(valuesOf(response, 'access-control-allow-origin')).toEqual(['*']);
      expect(valuesOf(response, 'retry-after')).toStrictEqual([]);
    }
  });

  test('tells what routes require, or the scopes of the options', async () => {
    @Controller('accounts')
    class AccountsController {
      @RequireScopes('write', 'read')
      @Dpop({ bearer: 'allow-unbound' })
      @Get()
      list(): void {}
    }
    const documentOf = async (metadata: NonNullable<DpopModuleOptions['metadata']>): Promise<unknown> => {
      const app = await start([{ metadata, proof: { algorithms: ['ES512'] } }], {}, [AccountsController]);
      return JSON.parse((await ask(app)).body);
    };
    expect(await documentOf({ name: 'Accounts' })).toMatchObject({
      resource_name: 'Accounts',
      scopes_supported: ['read', 'write'],
      dpop_signing_alg_values_supported: ['ES512'],
      dpop_bound_access_tokens_required: false,
    });
    expect(await documentOf({ scopes: ['b', 'a'] })).toMatchObject({ scopes_supported: ['b', 'a'] });
  });

  test('keeps what the CORS of the app set', async () => {
    const before = (nest: INestApplication): void => nest.enableCors({ origin: 'https://app.example.com' });
    const response = await ask(await start([{ metadata: {} }], { before }));
    expect(resourceIn(response)).toBe(ORIGIN);
    expect(valuesOf(response, 'access-control-allow-origin')).toEqual(['https://app.example.com']);
  });

  test('has no other path than that of the resource', async () => {
    const app = await start();
    for (const path of ['/own', '/other', '/%zz']) {
      const response = await ask(app, WELL_KNOWN + path);
      if (path === '/own') expect(response).toMatchObject({ status: 200, body: 'own' });
      // The answer of Nest.
      else expect(response.body).not.toBe(NOT_FOUND.body);
    }
  });

  test('is found below the well-known path, beside routes of the app', async () => {
    const app = await start([{ origin: `${ORIGIN}/shop` }]);
    expect((await ask(app, `${WELL_KNOWN}/shop`)).status).toBe(404);
    const serving = await start([{ origin: `${ORIGIN}/shop`, metadata: {} }]);
    expect(resourceIn(await ask(serving, `${WELL_KNOWN}/sh%6fp?x=y`))).toBe(`${ORIGIN}/shop`);
    expect(await ask(serving, `${WELL_KNOWN}/own`)).toMatchObject({ status: 200, body: 'own' });
    for (const path of ['', '/other', '/shop/']) {
      const { status, body } = await ask(serving, WELL_KNOWN + path);
      expect({ path, status }).toEqual({ path, status: 404 });
      expect(body === NOT_FOUND.body).toBe(platform === 'fastify');
    }
  });

  test('depends on the host where there are several resources, and is not for shared caches', async () => {
    const app = await start([{ origin: [ORIGIN, `${OTHER}/v2`], metadata: {} }]);
    const response = await ask(app);
    expect(resourceIn(response)).toBe(ORIGIN);
    expect(valuesOf(response, 'cache-control')).toEqual(['private, max-age=3600']);
    expect(resourceIn(await ask(app, `${WELL_KNOWN}/v2`, 'api.example.org'))).toBe(`${OTHER}/v2`);
    const refused = await ask(app, WELL_KNOWN, 'evil.example');
    expect(refused).toMatchObject(NOT_FOUND);
    expect(valuesOf(refused, 'cache-control')).toEqual(['no-store']);
    expect(valuesOf(refused, 'content-type').join()).toMatch(/^application\/json\b/);
  });

  test('is that of one registration where another one has another path, or none', async () => {
    const app = await start([
      { metadata: { resource: `${ORIGIN}/a` } },
      {},
      { origin: [ORIGIN, OTHER], metadata: {} },
    ]);
    expect(resourceIn(await ask(app, `${WELL_KNOWN}/a`))).toBe(`${ORIGIN}/a`);
    expect(resourceIn(await ask(app, WELL_KNOWN, 'api.example.org'))).toBe(OTHER);
    expect(await ask(app, `${WELL_KNOWN}/own`)).toMatchObject({ status: 200, body: 'own' });
  });

  test('of a function is that of its answer, at the path of the answer', async () => {
    const app = await start([{ origin: ({ host }) => `https://${host ?? ''}/t`, metadata: {} }]);
    const response = await ask(app, `${WELL_KNOWN}/t`, 'one.example.com');
    expect(resourceIn(response)).toBe('https://one.example.com/t');
    expect(valuesOf(response, 'cache-control')).toEqual(['private, max-age=3600']);
    const { status } = await ask(app, `${WELL_KNOWN}/other`, 'one.example.com');
    expect(status).toBe(404);
    expect(lines).toStrictEqual([]);
  });

  test('answers 404 for a request without a usable host, and the log says nothing', async () => {
    const app = await start([{ origin: 'request', metadata: {} }]);
    expect(await ask(app, WELL_KNOWN, 'a@b')).toMatchObject(NOT_FOUND);
    const own = `127.0.0.1:${app.port}`;
    expect(resourceIn(await ask(app, WELL_KNOWN, own))).toBe(`http://${own}`);
    expect(lines).toStrictEqual([]);
  });

  describe('where the function of the app fails', () => {
    const failing: Options = {
      origin: () => {
        throw new Error('the tenants cannot be read');
      },
      metadata: {},
    };

    test('answers 503, and tells the operator', async () => {
      const response = await ask(await start([failing]));
      expect(response.status).toBe(503);
      expect(JSON.parse(response.body)).toEqual({
        statusCode: 503,
        code: 'temporarily_unavailable',
        message: expect.stringMatching(/./),
      });
      expect(valuesOf(response, 'retry-after')).toEqual(['1']);
      expect(valuesOf(response, 'cache-control')).toEqual(['no-store']);
      expect(valuesOf(response, 'access-control-allow-origin')).toEqual(['*']);
      expect(lines).toEqual([expect.stringMatching(/^error \[DpopModule\] .*origin_unavailable/)]);
      expect(lines.join()).toContain(WELL_KNOWN);
    });

    test('asks it for no path that cannot be read', async () => {
      const app = await start([failing]);
      expect((await ask(app, `${WELL_KNOWN}/a/../b`)).status).toBe(404);
      expect(lines).toStrictEqual([]);
    });

    test('tells at the end how many lines were left out', async () => {
      const app = await start([failing]);
      for (let count = 0; count < 12; count += 1) await ask(app);
      expect(lines).toHaveLength(10);
      await app.close();
      expect(lines.slice(10)).toEqual([
        expect.stringMatching(/^warn \[DpopModule\] 2 more of origin_unavailable from /),
      ]);
    });
  });

  test('answers 503 where the host decides, and the platform tells no headers', async () => {
    const before = (nest: INestApplication): void => {
      const withoutHeaders = (request: object, next: () => void): void => {
        Object.defineProperty(request, 'rawHeaders', { value: undefined });
        next();
      };
      if (platform === 'express')
        nest.use((request: object, _response: object, next: () => void) => withoutHeaders(request, next));
      else
        (nest.getHttpAdapter() as FastifyAdapter)
          .getInstance()
          .addHook('onRequest', ({ raw }, _reply, done) => withoutHeaders(raw, done));
    };
    const several = await start([{ origin: [ORIGIN, OTHER], metadata: {} }], { before });
    const response = await ask(several);
    expect(response.status).toBe(503);
    expect(JSON.parse(response.body)).toMatchObject({ statusCode: 503 });
    expect(lines).toEqual([expect.stringMatching(/^error \[DpopModule\] .*transport_unknown/)]);
    expect(resourceIn(await ask(await start(undefined, { before })))).toBe(ORIGIN);
  });

  const refused: readonly (readonly [string, readonly Options[], string])[] = [
    ['the same path', [{ metadata: {} }, { metadata: {} }], WELL_KNOWN],
    [
      'the same path below',
      [{ metadata: { resource: `${ORIGIN}/a` } }, { origin: [ORIGIN, `${OTHER}/a`], metadata: {} }],
      `${WELL_KNOWN}/a`,
    ],
    [
      'any path, the first',
      [{ origin: () => ORIGIN, metadata: {} }, { metadata: { resource: `${ORIGIN}/b` } }],
      WELL_KNOWN,
    ],
    [
      'any path, the second',
      [{ metadata: { resource: `${ORIGIN}/b` } }, { origin: () => ORIGIN, metadata: {} }],
      WELL_KNOWN,
    ],
  ];

  test.each(refused)(
    'ends the start where two registrations serve %s',
    async (_case, registrations, path) => {
      await expect(start(registrations)).rejects.toThrow(
        new TypeError(
          `metadata must be served by one registration of DpopModule at each path, but several serve ${path}. ` +
            'Set metadata.resource of each registration to a URL with a path of its own, or leave metadata out in all but one',
        ),
      );
    },
  );

  test('is no endpoint in an app that is only looked at', async () => {
    const nest = await NestFactory.create(rootOf([{ metadata: {} }]), {
      logger,
      abortOnError: false,
      preview: true,
    });
    await nest.init();
    expect(lines.filter((line) => line.includes('configure'))).toStrictEqual([]);
  });
});

describe('the endpoint of metadata on other platforms (H)', () => {
  class OtherAdapter extends ExpressAdapter {
    override getType(): string {
      return 'other';
    }
  }
  const startOn = (options: Options): Promise<RunningApp> =>
    startApp('express', rootOf([options]), { logger: false as never, adapter: new OtherAdapter() });

  test('ends the start, unless another server serves the document, or none does', async () => {
    await expect(startOn({ metadata: {} })).rejects.toThrow(
      new TypeError(
        'metadata must be { url } on the platform other: the library serves the document on Express and Fastify only',
      ),
    );
    await startOn({ metadata: { url: `${ORIGIN}/metadata` } });
    await startOn({});
  });

  test('gives nothing to a request that no server of Node has made', async () => {
    const adapter = new FastifyAdapter();
    const app = await startApp('fastify', rootOf([{ metadata: {} }]), { adapter });
    const request = {
      method: 'GET',
      url: WELL_KNOWN,
      headers: {},
      rawHeaders: [],
      socket: {},
      httpVersion: '1.1',
    };
    const response = new ServerResponse(request as never);
    const sent = new PassThrough();
    response.assignSocket(sent as never);
    adapter.getInstance().routing(request as never, response);
    const text = await new Promise((resolve) => sent.once('data', (chunk) => resolve(String(chunk))));
    expect(text).toMatch(/^HTTP\/1\.1 404 /);
    expect(app.port).toBeGreaterThan(0);
  });
});
