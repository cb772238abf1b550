import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  All,
  Controller,
  Get,
  type INestApplication,
  Post,
  UseGuards,
  Version,
  VersioningType,
} from '@nestjs/common';
import {
  ApiHeader,
  ApiResponse,
  ApiSecurity,
  DocumentBuilder,
  type OpenAPIObject,
  SwaggerModule,
} from '@nestjs/swagger';
import {
  Dpop,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  Require,
  RequireAnyScope,
  RequirePermissions,
  RequireRoles,
  RequireScopes,
  SkipDpop,
} from 'nestjs-dpop';
import { documentDpop } from 'nestjs-dpop/swagger';
import { TestIssuer } from 'nestjs-dpop/testing';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, type StartOptions, startApp } from './support/running-app.js';

abstract class ReadingController {
  @Get('items/:id')
  read(): string {
    return 'read';
  }
}

@UseGuards(DpopGuard)
@RequireScopes('accounts:read')
@Controller('accounts')
class AccountsController extends ReadingController {
  @Post()
  @RequireRoles('teller', { client: 'ledgers', role: 'editor' })
  @RequirePermissions('write')
  @Require(() => true)
  create(): string {
    return 'create';
  }

  @Get('open')
  @SkipDpop()
  open(): string {
    return 'open';
  }

  @Get(['one', 'two'])
  @ApiResponse({ status: 401, description: 'of the app' })
  @ApiHeader({ name: 'dpop', description: 'of the app' })
  aliases(): string {
    return 'aliases';
  }
}

@UseGuards(DpopGuard)
@Controller('articles')
class ArticlesController extends ReadingController {
  @Get('anonymous')
  @Dpop({ anonymous: 'allow' })
  anonymous(): string {
    return 'anonymous';
  }

  @Get('reported')
  @Dpop({ enforcement: 'report' })
  @RequireScopes('never')
  reported(): string {
    return 'reported';
  }

  @Get('migrating')
  @Dpop({ bearer: 'allow-unbound' })
  @RequireAnyScope('one', 'two')
  migrating(): string {
    return 'migrating';
  }

  @Get('either')
  @ApiSecurity('api-key')
  either(): string {
    return 'either';
  }

  @All('all')
  all(): string {
    return 'all';
  }

  @Get('versioned')
  @Version('2')
  versioned(): string {
    return 'versioned';
  }
}

@Controller('public')
class PublicController extends ReadingController {}

@RequireScopes('accounts:audit')
@Controller('audited')
class AuditedController extends AccountsController {}

interface Operation {
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Readonly<Record<string, unknown>>[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly headers?: object }>>;
}

let issuer: TestIssuer;

beforeAll(async () => {
  issuer = await TestIssuer.create();
});

afterEach(closeApps);

const controllers = [AccountsController, AuditedController, ArticlesController, PublicController];

async function start(
  platform: (typeof PLATFORMS)[number],
  options: Partial<DpopModuleOptions> = {},
  startOptions: StartOptions = {},
): Promise<INestApplication> {
  const dpop = DpopModule.forRoot(withOrigin({ accessToken: issuer.accessToken, ...options }));
  const { nest } = await startApp(platform, createRootModule({ dpop, controllers }), startOptions);
  return nest;
}

const createDocument = (app: INestApplication): OpenAPIObject =>
  SwaggerModule.createDocument(app, new DocumentBuilder().setTitle('Accounts').build());

const at = (document: OpenAPIObject, path: string, method = 'get'): Operation =>
  (document.paths[path] as unknown as Record<string, Operation>)[method] ?? { responses: {} };

const proofOf = ({ parameters = [] }: Operation) =>
  parameters.filter(({ in: place, name }) => place === 'header' && /^dpop$/i.test(String(name)));

describe.each(PLATFORMS)('the document of @nestjs/swagger on %s', (platform) => {
  test('says of each guarded route what its decorators require, and nothing of others', async () => {
    const app = await start(platform);
    const before = JSON.stringify(createDocument(app));
    const document = documentDpop(app, () => createDocument(app));

    const read = at(document, '/accounts/items/{id}');
    expect(read.security).toEqual([{ dpop: [] }]);
    expect(proofOf(read)).toMatchObject([{ name: 'DPoP', in: 'header', required: true }]);
    expect(read.responses['401']?.headers).toHaveProperty('WWW-Authenticate');
    expect(read.responses['403']?.description).toBe(
      'The token does not permit this: scopes `accounts:read`.',
    );

    const create = at(document, '/accounts', 'post');
    expect(read.responses['400']?.description).toContain('malformed');
    expect(read.responses['503']?.headers).toHaveProperty('Retry-After');
    expect(JSON.stringify(read.responses['503'])).toContain('"code":"temporarily_unavailable"');
    expect(create.responses['403']?.description).toBe(
      'The token does not permit this: scopes `accounts:read`; roles `teller` and `ledgers/editor`; ' +
        'permissions `write`; a condition of the service.',
    );

    // The same handler, inherited by a class with another scope, by one without a scope, and by one without a guard.
    expect(at(document, '/audited/items/{id}').responses['403']?.description).toContain('`accounts:audit`');
    expect(at(document, '/articles/items/{id}').security).toEqual([{ dpop: [] }]);
    expect(at(document, '/articles/items/{id}').responses).not.toHaveProperty('403');
    for (const path of ['/public/items/{id}', '/accounts/open']) {
      expect(at(document, path)).not.toHaveProperty('security');
      expect(proofOf(at(document, path))).toStrictEqual([]);
      for (const status of ['400', '503']) expect(at(document, path).responses).not.toHaveProperty(status);
      expect(JSON.stringify(document.components)).not.toContain('invalid_grant');
      expect(at(document, path).responses).not.toHaveProperty('401');
    }

    expect(document.components?.securitySchemes).toMatchObject({
      dpop: { type: 'http', scheme: 'dpop' },
      bearer: { type: 'http', scheme: 'bearer' },
    });
    expect(document.components?.schemas?.['DpopRefusal']).toMatchObject({
      properties: {
        code: {
          enum: expect.arrayContaining([
            'use_dpop_nonce',
            'insufficient_scope',
            'temporarily_unavailable',
          ]) as unknown,
        },
      },
    });
    // No mark is left in the document, nor on the classes of the app.
    expect(JSON.stringify(document)).not.toContain('nestjs-dpop/mark');
    expect(JSON.stringify(createDocument(app))).toBe(before);
  });

  test('says which routes take a request without a proof, or with other credentials', async () => {
    const app = await start(platform);
    const document = documentDpop(app, () => createDocument(app));
    expect(at(document, '/articles/anonymous').security).toEqual([{ dpop: [] }, {}]);
    expect(at(document, '/articles/reported').security).toEqual([{ dpop: [] }, {}]);
    expect(at(document, '/articles/reported').responses).not.toHaveProperty('403');
    expect(at(document, '/articles/migrating').security).toEqual([{ dpop: [] }, { bearer: [] }]);
    expect(at(document, '/articles/migrating').responses['403']?.description).toContain('`one` or `two`');
    expect(at(document, '/articles/either').security).toEqual([{ 'api-key': [] }, { dpop: [] }]);
    for (const path of ['anonymous', 'reported', 'migrating', 'either'])
      expect(proofOf(at(document, `/articles/${path}`))).toMatchObject([{ required: false }]);
  });

  test('keeps what the app says itself', async () => {
    const app = await start(platform);
    const document = documentDpop(app, () => createDocument(app));
    for (const path of ['/accounts/one', '/accounts/two']) {
      expect(at(document, path).security).toEqual([{ dpop: [] }]);
      expect(at(document, path).responses['401']?.description).toBe('of the app');
      expect(proofOf(at(document, path))).toMatchObject([{ name: 'dpop', description: 'of the app' }]);
    }
  });

  test('finds routes under a prefix, with versions, of all methods, and with names that the app makes', async () => {
    const app = await start(
      platform,
      {},
      {
        before: (nest) => {
          nest.setGlobalPrefix('api');
          nest.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
        },
      },
    );
    const document = documentDpop(app, () =>
      SwaggerModule.createDocument(app, new DocumentBuilder().setOpenAPIVersion('3.1.0').build(), {
        operationIdFactory: () => 'the same',
      }),
    );
    expect(at(document, '/api/v1/accounts/items/{id}').security).toEqual([{ dpop: ['accounts:read'] }]);
    expect(at(document, '/api/v2/articles/versioned').security).toEqual([{ dpop: [] }]);
    for (const method of ['get', 'post', 'delete'])
      expect(at(document, '/api/v1/articles/all', method).security).toEqual([{ dpop: [] }]);
    expect(at(document, '/api/v1/public/items/{id}')).not.toHaveProperty('security');
  });
});

test('a service that forbids Bearer documents none, and one with a guard for all routes documents all', async () => {
  const app = await start('express', {}, { before: (nest) => nest.useGlobalGuards(nest.get(DpopGuard)) });
  const document = documentDpop(app, () => createDocument(app));
  expect(at(document, '/public/items/{id}').security).toEqual([{ dpop: [] }]);
  expect(at(document, '/accounts/open')).not.toHaveProperty('security');
  await closeApps();
  const strict = await startApp(
    'express',
    createRootModule({
      dpop: DpopModule.forRoot(withOrigin({ accessToken: issuer.accessToken, bearer: 'forbid' })),
      controllers: [AccountsController],
    }),
  );
  expect(documentDpop(strict.nest, () => createDocument(strict.nest)).components?.securitySchemes).toEqual({
    dpop: expect.objectContaining({ scheme: 'dpop' }) as unknown,
  });
});

test('an error of @nestjs/swagger leaves no mark on the classes of the app', async () => {
  const app = await start('express');
  const before = JSON.stringify(createDocument(app));
  const fail = (): object => {
    throw new Error('of swagger');
  };
  expect(() => documentDpop(app, fail)).toThrow('of swagger');
  expect(JSON.stringify(createDocument(app))).toBe(before);
});

test('a document in which no guarded route is found is an error, since it would call the API open', async () => {
  const app = await start('express');
  const document = createDocument(app);
  expect(() => documentDpop(app, () => document)).toThrow(/SwaggerModule\.createDocument/);
  // One that has none of them, by its option `include`, is a document without guarded routes.
  const empty = { openapi: '3.0.0', paths: {} };
  expect(documentDpop(app, () => empty)).toEqual({ openapi: '3.0.0', paths: {} });
});
