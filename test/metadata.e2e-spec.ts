import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  All,
  Catch,
  Controller,
  type DynamicModule,
  type ExceptionFilter,
  Get,
  type INestApplication,
  Module,
  Post,
  type Type,
  UseGuards,
  VersioningType,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import {
  Dpop,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  type DpopRequest,
  RequireScopes,
  SkipDpop,
} from 'nestjs-dpop';
import { introspection } from 'nestjs-dpop/introspection';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { customFetch, processResourceDiscoveryResponse, resourceDiscoveryRequest } from 'oauth4webapi';
import { parseChallenges } from './support/challenges.js';
import { LogCollector } from './support/log-collector.js';
import { ORIGIN, withOrigin } from './support/origin.js';
import { adapterOf, type AdapterOptions, PLATFORMS } from './support/platforms.js';
import { type Field, type RawResponse, sendRaw, valuesOf } from './support/raw-request.js';
import { createRootModule, type RootParts } from './support/root-module.js';
import { closeApps, type RunningApp, startApp, type StartOptions } from './support/running-app.js';
import { startFailureOf } from './support/start-failure.js';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';
const OTHER = 'https://api.example.org:8443';

let issuer: TestIssuer;
let client: TestClient;
let hits: string[] = [];

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
});

beforeEach(() => {
  hits = [];
});

afterEach(closeApps);

@UseGuards(DpopGuard)
@RequireScopes('accounts:unused')
@Controller('accounts')
class AccountsController {
  @RequireScopes('accounts:read')
  @Get()
  list(): void {
    hits.push('list');
  }

  @RequireScopes('accounts:read', 'accounts:transfer')
  @Post('transfers')
  transfer(): void {
    hits.push('transfer');
  }

  @SkipDpop()
  @Get('rates')
  rates(): void {
    hits.push('rates');
  }

  /** No route: the scopes of the class are required of no client. */
  inner(): void {
    hits.push('inner');
  }
}

@UseGuards(DpopGuard)
@Controller('legacy')
class LegacyController {
  @Dpop({ bearer: 'allow-unbound' })
  @RequireScopes('legacy')
  @Get()
  read(): void {
    hits.push('legacy');
  }
}

interface Setup extends StartOptions, Partial<RootParts>, AdapterOptions {
  readonly options?: Partial<DpopModuleOptions>;
}

function rootOf({ options = {}, controllers = [AccountsController], ...parts }: Setup): DynamicModule {
  const dpop = DpopModule.forRoot(withOrigin({ accessToken: issuer.accessToken, metadata: {}, ...options }));
  return createRootModule({ dpop, controllers, ...parts });
}

interface Asked {
  readonly method?: string;
  readonly host?: string;
  readonly fields?: readonly Field[];
}

const ask = (app: RunningApp, target: string, asked: Asked = {}): Promise<RawResponse> => {
  const { method = 'GET', host = 'api.example.com', fields = [] } = asked;
  return sendRaw(app.port, { method, target, fields: [['Host', host], ...fields] });
};

type Document = Readonly<Record<string, unknown>>;

function documentIn(response: RawResponse): Document {
  expect({ status: response.status, body: response.body }).toMatchObject({ status: 200 });
  expect(valuesOf(response, 'content-type').join()).toMatch(/^application\/json\b/);
  return JSON.parse(response.body) as Document;
}

/** What a refused request of this host is told. */
async function challengedUrl(app: RunningApp, asked: Asked = {}, path = '/accounts'): Promise<unknown> {
  const response = await ask(app, path, asked);
  expect(hits).toStrictEqual([]);
  const challenges = parseChallenges(valuesOf(response, 'www-authenticate').join(', '));
  expect(challenges).not.toStrictEqual([]);
  const urls = new Set(challenges.map(({ parameters }) => parameters['resource_metadata']));
  expect(urls.size).toBe(1);
  return [...urls][0];
}

/** A fetch for oauth4webapi: the URL decides what is asked, and the request goes to the app. */
const fetchFrom =
  (app: RunningApp, requested: string[]) =>
  async (input: string): Promise<Response> => {
    requested.push(input);
    const { host, pathname } = new URL(input);
    const { status, fields, body } = await ask(app, pathname, { host });
    const headers = fields.map(([name, value]): [string, string] => [name, value]);
    return new Response(Buffer.from(body, 'latin1'), { status, headers });
  };

/** Discovers as a client does that was refused: from the URL in the challenge, for the resource that it knows. */
async function discover(
  app: RunningApp,
  resource: string,
  asked: Asked = {},
  path?: string,
): Promise<Document> {
  const requested: string[] = [];
  const identifier = new URL(resource);
  const response = await resourceDiscoveryRequest(identifier, { [customFetch]: fetchFrom(app, requested) });
  const document = await processResourceDiscoveryResponse(identifier, response);
  expect(requested).toEqual([await challengedUrl(app, asked, path)]);
  return document;
}

describe.each(PLATFORMS)('protected resource metadata on %s (H)', (platform) => {
  const start = (setup: Setup = {}): Promise<RunningApp> => {
    const { options, controllers, providers, imports, trustProxy, ...how } = setup;
    const adapter = adapterOf(platform, trustProxy === undefined ? {} : { trustProxy });
    const parts = { ...(options && { options }), ...(controllers && { controllers }) };
    const module = rootOf({ ...parts, ...(providers && { providers }), ...(imports && { imports }) });
    return startApp(platform, module, { adapter, ...how });
  };

  describe('the document', () => {
    test('is discovered by oauth4webapi from a challenge, and says what the guard enforces', async () => {
      const app = await start({ options: { proof: { algorithms: ['ES256', 'Ed25519'] } } });
      expect(await discover(app, ORIGIN)).toEqual({
        resource: ORIGIN,
        authorization_servers: [issuer.issuer],
        scopes_supported: ['accounts:read', 'accounts:transfer'],
        bearer_methods_supported: ['header'],
        dpop_signing_alg_values_supported: ['ES256', 'Ed25519'],
        dpop_bound_access_tokens_required: true,
      });
    });

    test('has what the options add', async () => {
      const app = await start({
        options: {
          metadata: {
            scopes: ['b', 'a'],
            authorizationServers: ['https://auth.example.com', 'https://auth.example.net/tenant'],
            name: 'Bücher „und" mehr',
            documentationUrl: 'https://docs.example.com/api?v=1#start',
            policyUrl: 'https://example.com/policy',
            termsUrl: 'https://example.com/terms',
          },
        },
      });
      expect(await discover(app, ORIGIN)).toMatchObject({
        scopes_supported: ['b', 'a'],
        authorization_servers: ['https://auth.example.com', 'https://auth.example.net/tenant'],
        resource_name: 'Bücher „und" mehr',
        resource_documentation: 'https://docs.example.com/api?v=1#start',
        resource_policy_uri: 'https://example.com/policy',
        resource_tos_uri: 'https://example.com/terms',
      });
    });

    test('names the issuers of verifiers, and none that is found at run time', async () => {
      const named = introspection({
        accessToken: { issuer: 'https://auth.example.com', audience: 'https://api.example.com' },
        client: { id: 'api', secret: 'secret' },
        endpoint: 'https://auth.example.com/introspect',
      });
      const resolution = { resolveIssuer: () => undefined };
      const app = await start({ options: { accessToken: [named, issuer.accessToken, resolution] } });
      expect(await discover(app, ORIGIN)).toMatchObject({
        authorization_servers: [issuer.issuer, 'https://auth.example.com'],
      });
      const nameless = await start({ options: { accessToken: resolution } });
      expect(await discover(nameless, ORIGIN)).not.toHaveProperty('authorization_servers');
    });

    test('leaves empty lists out', async () => {
      const app = await start({ options: { metadata: { scopes: [] } } });
      expect(await discover(app, ORIGIN)).not.toHaveProperty('scopes_supported');
    });

    test.each([
      ['a route allows Bearer', { controllers: [AccountsController, LegacyController] }, true],
      ['the service allows Bearer', { options: { bearer: 'allow-unbound' } }, true],
      ['nothing allows Bearer', {}, false],
    ] as const)('%s: whether a proof is always required', async (_case, setup, allowed) => {
      const app = await start(setup);
      const document = documentIn(await ask(app, WELL_KNOWN));
      expect(document['dpop_bound_access_tokens_required']).toBe(!allowed);
    });

    test('may be cached and read by scripts of any origin; HEAD has its headers', async () => {
      const app = await start();
      const get = await ask(app, WELL_KNOWN);
      documentIn(get);
      const head = await ask(app, WELL_KNOWN, { method: 'HEAD' });
      expect({ status: head.status, body: head.body }).toEqual({ status: 200, body: '' });
      for (const response of [get, head]) {
        expect(valuesOf(response, 'cache-control')).toEqual(['public, max-age=3600']);
        expect(valuesOf(response, 'access-control-allow-origin')).toEqual(['*']);
        expect(valuesOf(response, 'content-length')).toEqual([String(Buffer.byteLength(get.body))]);
      }
    });

    test('keeps what the CORS of the app set', async () => {
      const app = await start({ before: (nest) => nest.enableCors({ origin: 'https://app.example.com' }) });
      const response = await ask(app, WELL_KNOWN, { fields: [['Origin', 'https://app.example.com']] });
      documentIn(response);
      expect(valuesOf(response, 'access-control-allow-origin')).toEqual(['https://app.example.com']);
    });

    test('is not there unless the option asks for it', async () => {
      const url = 'https://elsewhere.example.com/metadata';
      const app = await start({ options: { metadata: { url } } });
      expect((await ask(app, WELL_KNOWN)).status).toBe(404);
      expect(await challengedUrl(app)).toBe(url);
    });

    test('other methods are those of the app', async () => {
      const app = await start();
      expect((await ask(app, WELL_KNOWN, { method: 'POST' })).status).toBe(404);
    });
  });

  describe('its place', () => {
    const resource = `${ORIGIN}/shop/v1`;

    test.each([
      ['as the prefix in origin', { origin: resource }],
      ['by option', { metadata: { resource } }],
    ] as const)('a resource with a path, %s', async (_case, options) => {
      const app = await start({ options });
      expect(await discover(app, resource)).toMatchObject({ resource });
      expect(await challengedUrl(app)).toBe(`${ORIGIN}${WELL_KNOWN}/shop/v1`);
      expect(documentIn(await ask(app, `${WELL_KNOWN}/shop/%76%31?x=y`))).toMatchObject({ resource });
      for (const path of ['', '/', '/shop', '/shop/v1/', '/shop/v1/x', '/SHOP/v1', '/shop/v1%2f', '/%zz']) {
        expect([path, (await ask(app, WELL_KNOWN + path)).status >= 400]).toEqual([path, true]);
      }
    });

    test('the identifier keeps its spelling, and each spelling of its path leads there', async () => {
      const app = await start({ options: { metadata: { resource: `${ORIGIN}/` } } });
      expect(await discover(app, ORIGIN)).toMatchObject({ resource: `${ORIGIN}/` });
      const escaped = await start({ options: { metadata: { resource: `${ORIGIN}/%73hop` } } });
      for (const path of ['/%73hop', '/shop']) {
        const document = documentIn(await ask(escaped, WELL_KNOWN + path));
        expect(document).toMatchObject({ resource: `${ORIGIN}/%73hop` });
      }
      expect(await challengedUrl(escaped)).toBe(`${ORIGIN}${WELL_KNOWN}/shop`);
    });

    const before = (nest: INestApplication): void => {
      nest.setGlobalPrefix('api');
      nest.enableVersioning({ type: VersioningType.URI, defaultVersion: '2' });
    };

    test('neither a global prefix nor a version is part of it', async () => {
      const app = await start({ before });
      expect(await discover(app, ORIGIN, {}, '/api/v2/accounts')).toMatchObject({ resource: ORIGIN });
      expect((await ask(app, `/api/v2${WELL_KNOWN}`)).status).toBe(404);
    });

    test('a version in a header does not matter', async () => {
      const versioned = (nest: INestApplication): void => {
        nest.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' });
      };
      const app = await start({ before: versioned });
      documentIn(await ask(app, WELL_KNOWN, { fields: [['X-Version', '7']] }));
    });

    test('a guard, a filter and a wildcard route of the app do not touch it', async () => {
      @Catch()
      class EverythingFilter implements ExceptionFilter {
        catch(): void {
          hits.push('filter');
        }
      }

      @Controller()
      class WildcardController {
        @All(platform === 'fastify' ? '*' : '*path')
        any(): void {
          hits.push('wildcard');
        }
      }

      const providers = [
        { provide: APP_GUARD, useExisting: DpopGuard },
        { provide: APP_FILTER, useClass: EverythingFilter },
      ];
      const app = await start({
        controllers: [WildcardController],
        providers,
        options: { origin: resource },
      });
      expect(documentIn(await ask(app, `${WELL_KNOWN}/shop/v1`))).toMatchObject({ resource });
      expect((await ask(app, `${WELL_KNOWN}/shop/v1`, { method: 'HEAD' })).status).toBe(200);
      expect(hits).toStrictEqual([]);
    });

    test('the app may have a document of its own below the well-known path', async () => {
      @Controller('.well-known/oauth-protected-resource')
      class OwnDocumentController {
        @Get('other')
        other(): string {
          return 'own';
        }
      }
      const app = await start({ controllers: [OwnDocumentController], options: { origin: resource } });
      documentIn(await ask(app, `${WELL_KNOWN}/shop/v1`));
      expect(await ask(app, `${WELL_KNOWN}/other`)).toMatchObject({ status: 200, body: 'own' });
    });

    test('two registrations serve two resources', async () => {
      const registration = (path: string): DynamicModule =>
        DpopModule.forRoot({
          ...withOrigin({
            accessToken: issuer.accessToken,
            realm: path,
            metadata: { resource: ORIGIN + path },
          }),
          isGlobal: false,
        });
      const module = createRootModule({
        dpop: registration('/a'),
        imports: [partOf(registration('/b'))],
        controllers: [],
      });
      const app = await startApp(platform, module);
      for (const path of ['/a', '/b']) {
        expect(documentIn(await ask(app, WELL_KNOWN + path))).toMatchObject({ resource: ORIGIN + path });
      }
    });

    test.each([
      ['the same path', {}, {}],
      ['any path', { origin: () => ORIGIN }, { metadata: { resource: `${ORIGIN}/b` } }],
    ] as const)('two registrations with %s end the start', async (_case, one, two) => {
      const registration = (options: Partial<DpopModuleOptions>, realm: string): DynamicModule =>
        DpopModule.forRoot({
          ...withOrigin({ accessToken: issuer.accessToken, realm, metadata: {}, ...options }),
          isGlobal: false,
        });
      const imports = [partOf(registration(two, 'two'))];
      const module = createRootModule({ dpop: registration(one, 'one'), imports, controllers: [] });
      expect(await startFailureOf(platform, module)).toMatch(
        /^metadata must be served by one registration .*\. Set metadata\.resource/,
      );
    });
  });

  describe('several origins', () => {
    const origin = [ORIGIN, `${OTHER}/v2`, 'http://localhost:3000'];
    const places = [
      ['api.example.com', ORIGIN, `${ORIGIN}${WELL_KNOWN}`],
      ['API.example.com:443', ORIGIN, `${ORIGIN}${WELL_KNOWN}`],
      ['api.example.org:8443', `${OTHER}/v2`, `${OTHER}${WELL_KNOWN}/v2`],
      ['localhost:3000', 'http://localhost:3000', `http://localhost:3000${WELL_KNOWN}`],
    ] as const;

    test.each(places)('a client that came to %s gets document and URL of %s', async (host, resource, url) => {
      const app = await start({ options: { origin } });
      const response = await ask(app, new URL(url).pathname, { host });
      expect(documentIn(response)).toMatchObject({ resource });
      expect(valuesOf(response, 'cache-control')).toEqual(['private, max-age=3600']);
      expect(await challengedUrl(app, { host })).toBe(url);
    });

    test.each(['evil.example', 'api.example.org', 'a/b?', 'a#b', 'a@b', 'api.example.com@evil.example', ''])(
      'Host %p is 404 for the document, has the first URL in a challenge, and comes back nowhere',
      async (host) => {
        const app = await start({ options: { origin } });
        for (const path of [WELL_KNOWN, `${WELL_KNOWN}/v2`]) {
          const response = await ask(app, path, { host });
          expect(response.status).toBe(404);
          expect(response.body).toBe('{"statusCode":404,"message":"Not Found"}');
        }
        expect(await challengedUrl(app, { host })).toBe(`${ORIGIN}${WELL_KNOWN}`);
        const refused = await ask(app, '/accounts', { host });
        if (host !== '') expect(refused.text).not.toContain(host);
      },
    );

    test('a listed host with a path is no host', async () => {
      const app = await start({ options: { origin } });
      for (const host of ['api.example.com/', 'api.example.com:443/']) {
        expect((await ask(app, WELL_KNOWN, { host })).status).toBe(404);
      }
    });

    test('two Host lines are no host', async () => {
      const app = await start({ options: { origin } });
      const fields = [['Host', 'api.example.org:8443']] as const;
      expect((await ask(app, WELL_KNOWN, { fields })).status).toBe(404);
      expect(await challengedUrl(app, { host: 'api.example.org:8443', fields })).toBe(
        `${ORIGIN}${WELL_KNOWN}`,
      );
    });

    test('the path belongs to its own origin alone', async () => {
      const app = await start({ options: { origin } });
      expect((await ask(app, `${WELL_KNOWN}/v2`)).status).toBe(404);
      expect((await ask(app, WELL_KNOWN, { host: 'api.example.org:8443' })).status).toBe(404);
    });

    test('on one host, the path tells them apart; of two schemes, that of the request', async () => {
      const both = ['https://localhost:3000/a', 'http://localhost:3000/b', 'http://localhost:3000/c'];
      const app = await start({ options: { origin: both } });
      for (const resource of both) {
        const path = WELL_KNOWN + new URL(resource).pathname;
        expect(documentIn(await ask(app, path, { host: 'localhost:3000' }))).toMatchObject({ resource });
      }
      expect(await challengedUrl(app, { host: 'localhost:3000' })).toBe(
        `http://localhost:3000${WELL_KNOWN}/b`,
      );
    });

    test.each([
      [true, OTHER],
      [false, ORIGIN],
    ] as const)(
      'a forwarded host counts if the framework trusts the proxy: %p',
      async (trustProxy, resource) => {
        const app = await start({ options: { origin: [ORIGIN, OTHER] }, trustProxy });
        const fields = [
          ['X-Forwarded-Host', 'api.example.org:8443'],
          ['X-Forwarded-Proto', 'https'],
        ] as const;
        expect(documentIn(await ask(app, WELL_KNOWN, { fields }))).toMatchObject({ resource });
        expect(await challengedUrl(app, { fields })).toBe(`${resource}${WELL_KNOWN}`);
      },
    );

    test('one resource by option is the same on all of them', async () => {
      const app = await start({ options: { origin, metadata: { resource: `${OTHER}/api` } } });
      for (const host of ['api.example.com', 'evil.example']) {
        expect(documentIn(await ask(app, `${WELL_KNOWN}/api`, { host }))).toMatchObject({
          resource: `${OTHER}/api`,
        });
        expect(await challengedUrl(app, { host })).toBe(`${OTHER}${WELL_KNOWN}/api`);
      }
    });
  });

  test.each(['evil.example', 'a/b?', 'a#b', 'a@b', ''])(
    'a single origin never asks for Host: %p',
    async (host) => {
      const app = await start();
      expect(documentIn(await ask(app, WELL_KNOWN, { host }))).toMatchObject({ resource: ORIGIN });
      expect(await challengedUrl(app, { host })).toBe(`${ORIGIN}${WELL_KNOWN}`);
    },
  );

  describe("origin: 'request'", () => {
    test('the document is that of the host by the rules of the framework', async () => {
      const app = await start({ options: { origin: 'request' } });
      const host = `127.0.0.1:${app.port}`;
      const response = await ask(app, WELL_KNOWN, { host });
      expect(documentIn(response)).toMatchObject({ resource: `http://${host}` });
      expect(valuesOf(response, 'cache-control')).toEqual(['private, max-age=3600']);
      expect(await challengedUrl(app, { host })).toBe(`http://${host}${WELL_KNOWN}`);
    });

    test.each(['a/b?', 'a#b', 'a@b', 'evil.example', 'localhost"', ''])(
      'Host %p, unusable or not https, gets no document and no URL',
      async (host) => {
        const app = await start({ options: { origin: 'request' } });
        expect((await ask(app, WELL_KNOWN, { host })).status).toBe(404);
        expect(await challengedUrl(app, { host })).toBeUndefined();
      },
    );
  });

  describe('a function', () => {
    const byTenant = ({ rawHeaders }: DpopRequest): string => {
      const tenant = rawHeaders[rawHeaders.indexOf('X-Tenant') + 1] ?? '';
      if (tenant === 'broken') throw new Error('no such tenant');
      return `https://${tenant}.example.com/${tenant}`;
    };

    test('tells the resource of each request', async () => {
      const app = await start({ options: { origin: byTenant } });
      const fields = [['X-Tenant', 'acme']] as const;
      expect(documentIn(await ask(app, `${WELL_KNOWN}/acme`, { fields }))).toMatchObject({
        resource: 'https://acme.example.com/acme',
      });
      expect(await challengedUrl(app, { fields })).toBe(`https://acme.example.com${WELL_KNOWN}/acme`);
      for (const path of ['', '/other', '/acme/']) {
        expect([path, (await ask(app, WELL_KNOWN + path, { fields })).status]).toEqual([path, 404]);
      }
    });

    test('that fails is our failure, which the operator reads', async () => {
      const logger = new LogCollector();
      const app = await start({ options: { origin: byTenant }, logger });
      const fields = [['X-Tenant', 'broken']] as const;
      const response = await ask(app, WELL_KNOWN, { fields });
      expect(response.status).toBe(503);
      expect(JSON.parse(response.body)).toMatchObject({ code: 'temporarily_unavailable' });
      expect(valuesOf(response, 'retry-after')).toEqual(['1']);
      expect(valuesOf(response, 'cache-control')).toEqual(['no-store']);
      expect(logger.lines.join('\n')).toContain('origin_unavailable');
      expect(await challengedUrl(app, { fields })).toBeUndefined();
    });
  });

  test('the accepted request costs nothing: the function is asked once, for htu', async () => {
    let asked = 0;
    const origin = (): string => {
      asked += 1;
      return ORIGIN;
    };
    const app = await start({ options: { origin } });
    const token = await issuer.issueToken({ client, scopes: ['accounts:read'] });
    const proof = await client.createProof({ method: 'GET', url: `${ORIGIN}/accounts`, token });
    const fields = [
      ['Authorization', `DPoP ${token}`],
      ['DPoP', proof],
    ] as const;
    expect((await ask(app, '/accounts', { fields })).status).toBe(200);
    expect({ asked, hits }).toEqual({ asked: 1, hits: ['list'] });
  });
});

describe('protected resource metadata on another platform (H)', () => {
  class OtherAdapter extends ExpressAdapter {
    override getType(): string {
      return 'other';
    }
  }

  test('ends the start if the library has to serve it', async () => {
    const message = await startFailureOf('express', rootOf({}), { adapter: new OtherAdapter() });
    expect(message).toMatch(/^metadata must be \{ url \} on the platform other: /);
  });

  test('is no matter if another server serves it', async () => {
    const options = { metadata: { url: 'https://elsewhere.example.com/metadata' } };
    await startApp('express', rootOf({ options }), { adapter: new OtherAdapter() });
  });
});

/** A module that imports another one and exports nothing. */
function partOf(imported: DynamicModule): Type {
  @Module({ imports: [imported] })
  class PartModule {}
  return PartModule;
}
