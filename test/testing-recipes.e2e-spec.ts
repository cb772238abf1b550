import { afterEach, describe, expect, test } from '@jest/globals';
import {
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  HttpCode,
  Injectable,
  type INestApplication,
  Module,
  type NestInterceptor,
  Post,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import {
  Dpop,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopVerdict,
  getDpopVerdict,
  Require,
  RequireAuthentication,
  RequirePermissions,
  RequireRoles,
  RequireScopes,
  SkipDpop,
} from 'nestjs-dpop';
import { createTestVerdict, TestClient, TestGuard, TestIssuer } from 'nestjs-dpop/testing';
import request from 'supertest';
import { adapterOf, type Platform, PLATFORMS } from './support/platforms.js';

let seen: (DpopVerdict | undefined)[] = [];

@Injectable()
class SeeingInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): ReturnType<CallHandler['handle']> {
    seen.push(getDpopVerdict(context));
    return next.handle();
  }
}

class Routes {
  @Get()
  @RequireScopes('accounts:read')
  list(@DpopBound('subject') subject: string, @DpopBound() jkt: string): object {
    return { subject, jkt };
  }

  @Get('admin')
  @RequireRoles('teller', { client: 'ledgers', role: 'editor' })
  @RequirePermissions('write')
  admin(): string {
    return 'admin';
  }

  @Get('strong')
  @RequireAuthentication({ acrValues: ['phr'], maxAgeSeconds: 60 })
  strong(): string {
    return 'strong';
  }

  @Get('asked')
  @Require((verdict) => Promise.resolve(verdict.subject === 'alice'))
  asked(): string {
    return 'asked';
  }

  @Get('open')
  @SkipDpop()
  open(): string {
    return 'open';
  }

  @Get('anonymous')
  @Dpop({ anonymous: 'allow' })
  anonymous(@DpopBound('subject') subject: string | undefined): object {
    return { subject: subject ?? null };
  }

  @Get('reported')
  @Dpop({ enforcement: 'report' })
  @RequireScopes('never')
  reported(@DpopBound('enforced') enforced: boolean): object {
    return { enforced };
  }

  @Post('transfers')
  @HttpCode(201)
  @Dpop({ nonce: 'required' })
  transfer(): string {
    return 'transferred';
  }
}

@UseInterceptors(SeeingInterceptor)
@UseGuards(DpopGuard)
@Controller('accounts')
class AccountsController extends Routes {}

@UseInterceptors(SeeingInterceptor)
@Controller('accounts')
class GloballyGuardedController extends Routes {}

const origin = 'https://api.test';
const issuer = await TestIssuer.create();
const dpop = DpopModule.forRoot({ origin, accessToken: issuer.accessToken });

@Module({ imports: [dpop], controllers: [AccountsController] })
class LocalModule {}

@Module({
  imports: [dpop],
  controllers: [GloballyGuardedController],
  providers: [{ provide: APP_GUARD, useExisting: DpopGuard }],
})
class GlobalModule {}

let app: INestApplication | undefined;

afterEach(async () => {
  seen = [];
  await app?.close();
  app = undefined;
});

async function start(platform: Platform, builder: TestingModuleBuilder): Promise<INestApplication> {
  const testing = await builder.compile();
  app = testing.createNestApplication(adapterOf(platform), { logger: false });
  await app.init();
  if (platform === 'fastify')
    await (app.getHttpAdapter().getInstance() as { ready(): Promise<void> }).ready();
  return app;
}

const WAYS = [
  [
    'overrideGuard, of @UseGuards',
    (guard: TestGuard) =>
      Test.createTestingModule({ imports: [LocalModule] })
        .overrideGuard(DpopGuard)
        .useValue(guard),
  ],
  [
    'overrideProvider, of a global guard',
    (guard: TestGuard) =>
      Test.createTestingModule({ imports: [GlobalModule] })
        .overrideProvider(DpopGuard)
        .useValue(guard),
  ],
] as const;

describe.each(PLATFORMS)('TestGuard on %s (D6)', (platform) => {
  describe.each(WAYS)('by %s', (_way, override) => {
    const get = (path: string) => request(app?.getHttpServer()).get(`/accounts${path}`);

    test('requests need no token, and handlers and interceptors get the given verdict', async () => {
      const guard = new TestGuard({ subject: 'alice', scopes: ['accounts:read'] });
      await start(platform, override(guard));
      const { body } = await get('').expect(200);
      expect(body).toEqual({ subject: 'alice', jkt: expect.stringMatching(/^[\w-]{43}$/) as unknown });
      expect(seen).toMatchObject([
        { scheme: 'DPoP', subject: 'alice', clientId: 'client', scopes: ['accounts:read'], enforced: true },
      ]);
      guard.use({ subject: 'bob', scopes: ['accounts:read'], jkt: 'the-key-of-bob' });
      expect((await get('').expect(200)).body).toEqual({ subject: 'bob', jkt: 'the-key-of-bob' });
    });

    test('the decorators of the routes apply: scopes, roles, permissions, authentication, openings', async () => {
      const guard = new TestGuard({}, () => 1_000_000_000);
      await start(platform, override(guard));
      const refused = async (path: string, status: number, code: string) => {
        const { body } = await get(path).expect(status);
        expect(body).toMatchObject({ statusCode: status, code });
      };
      await refused('', 403, 'insufficient_scope');
      await refused('/admin', 403, 'insufficient_rights');
      await refused('/strong', 401, 'insufficient_user_authentication');
      await refused('/asked', 403, 'insufficient_rights');
      expect(seen).toStrictEqual([]);
      await get('/open').expect(200);
      guard.use({ roles: ['teller'], clientRoles: { ledgers: ['editor'] }, permissions: ['write'] });
      await get('/admin').expect(200);
      guard.use({ claims: { acr: 'phr', auth_time: 1_000_000 - 61 } });
      await refused('/strong', 401, 'insufficient_user_authentication');
      guard.use({ claims: { acr: 'phr', auth_time: 1_000_000 - 59 } });
      await get('/strong').expect(200);
      await request(app?.getHttpServer()).post('/accounts/transfers').expect(201);
      guard.use({ hasNonce: false });
      await request(app?.getHttpServer()).post('/accounts/transfers').expect(401);
    });

    test('without credentials a route answers 401, unless it is open to anonymous requests', async () => {
      const guard = new TestGuard();
      guard.use(undefined);
      await start(platform, override(guard));
      expect((await get('').expect(401)).body).toMatchObject({ code: 'credentials_missing' });
      expect((await get('/anonymous').expect(200)).body).toEqual({ subject: null });
      await get('/open').expect(200);
      expect((await get('/reported').expect(200)).body).toEqual({ enforced: false });
      guard.use({ subject: 'alice' });
      expect((await get('/anonymous').expect(200)).body).toEqual({ subject: 'alice' });
      expect((await get('/reported').expect(200)).body).toEqual({ enforced: false });
    });
  });

  test('the recipes for supertest work as written: a proof for each request, and a nonce (E2)', async () => {
    const client = await TestClient.create();
    const token = await issuer.issueToken({ client, scopes: ['accounts:read'] });
    const running = await start(platform, Test.createTestingModule({ imports: [LocalModule] }));
    const server = running.getHttpServer() as Parameters<typeof request>[0];

    const headers = await client.createHeaders({ method: 'GET', url: 'https://api.test/accounts', token });
    await request(server).get('/accounts').set(headers).expect(200);
    await request(server).get('/accounts').set(headers).expect(401);

    const options = { method: 'POST', url: 'https://api.test/accounts/transfers', token };
    const first = await client.createHeaders(options);
    const challenged = await request(server).post('/accounts/transfers').set(first).expect(401);
    const nonce = challenged.headers['dpop-nonce'] ?? '';
    const second = await client.createHeaders({ ...options, nonce });
    await request(server).post('/accounts/transfers').set(second).expect(201);
  });
});

describe('createTestVerdict (D6)', () => {
  test('makes a frozen verdict whose claims say what its rights say, and which prints no token', () => {
    const verdict = createTestVerdict({
      clientId: 'app',
      scopes: ['a', 'b'],
      token: 'secret',
      claims: { acr: '1' },
    });
    expect(verdict).toMatchObject({
      scheme: 'DPoP',
      issuer: 'https://issuer.test',
      subject: 'user',
      clientId: 'app',
      scopes: ['a', 'b'],
      roles: [],
      hasNonce: true,
      enforced: true,
      claims: { iss: 'https://issuer.test', sub: 'user', client_id: 'app', scope: 'a b', acr: '1' },
    });
    expect(verdict.claims['cnf']).toEqual({ jkt: verdict.jkt });
    expect(Object.isFrozen(verdict)).toBe(true);
    expect(verdict.token).toBe('secret');
    expect(JSON.stringify(verdict)).not.toContain('secret');
  });
});

describe('TestGuard in production', () => {
  test('does not start where NODE_ENV is production (I3)', () => {
    const { NODE_ENV } = process.env;
    process.env['NODE_ENV'] = 'production';
    try {
      expect(() => new TestGuard()).toThrow(/verifies nothing/);
    } finally {
      process.env['NODE_ENV'] = NODE_ENV;
    }
    expect(() => new TestGuard()).not.toThrow();
  });
});
