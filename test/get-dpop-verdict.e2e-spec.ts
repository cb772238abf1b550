import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  Controller,
  type DynamicModule,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  HttpException,
  type NestInterceptor,
  Req,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import type { MercuriusDriverConfig } from '@nestjs/mercurius';
import { DpopGuard, DpopModule, type DpopVerdict, getDpopVerdict, RequireScopes } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call } from './support/call.js';
import { withOrigin } from './support/origin.js';
import { type Platform, PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';

// As in graphql.e2e-spec.ts: Mercurius requires it for a page that is never shown.
jest.mock('@fastify/static', () => () => undefined);
const { MercuriusDriver } = await import('@nestjs/mercurius');

let issuer: TestIssuer;
let client: TestClient;
let token: string;
/** What each place has read, in the order of the request. */
let seen: (readonly [place: string, verdict: DpopVerdict | undefined])[] = [];

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client, scopes: ['read'] });
});

beforeEach(() => {
  seen = [];
});

afterEach(closeApps);

const look = (place: string, source: ArgumentsHost | object | undefined): void =>
  void seen.push([place, getDpopVerdict(source)]);
const places = (): readonly unknown[] => seen.map(([place, verdict]) => [place, verdict?.jkt]);

class EarlyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    look('before the guard', context);
    return true;
  }
}

class LateGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    look('guard', context);
    return true;
  }
}

class ReadingInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): ReturnType<CallHandler['handle']> {
    look('interceptor', context);
    return next.handle();
  }
}

@Catch(HttpException)
class ReadingFilter implements ExceptionFilter {
  catch(exception: HttpException, host: ArgumentsHost): never {
    look('filter', host);
    throw exception;
  }
}

@Catch(HttpException)
class AnsweringFilter implements ExceptionFilter {
  catch(exception: HttpException, host: ArgumentsHost): void {
    look('filter', host);
    const response = host.switchToHttp().getResponse<{
      status(code: number): { send(body: unknown): void };
    }>();
    response.status(exception.getStatus()).send(exception.getResponse());
  }
}

@UseFilters(AnsweringFilter)
@UseGuards(EarlyGuard, DpopGuard, LateGuard)
@UseInterceptors(ReadingInterceptor)
@Controller()
class ReadingController {
  @Get()
  read(@Req() request: { readonly raw?: object; readonly user?: unknown }): string {
    look('request', request);
    look('request of Node', request.raw ?? request);
    expect(request.user).toBe(seen[0]?.[1] ?? seen[1]?.[1]);
    // A copy, or what looks like a request, has no verdict.
    look('copy', { ...request });
    look('nothing', undefined);
    return 'read';
  }

  @Get('failing')
  fail(): never {
    throw new HttpException('of the app', 418);
  }

  @RequireScopes('write')
  @Get('scoped')
  scoped(): string {
    look('handler', undefined);
    return 'scoped';
  }
}

@Controller('open')
class OpenController {
  @Get()
  open(@Req() request: object): string {
    look('open', request);
    return 'open';
  }
}

describe.each(PLATFORMS)('getDpopVerdict on %s (B13)', (platform) => {
  const start = () =>
    startApp(
      platform,
      createRootModule({
        dpop: DpopModule.forRoot(withOrigin({ accessToken: issuer.accessToken })),
        controllers: [ReadingController, OpenController],
      }),
    );

  test('gives the verdict to guards, interceptors and handlers, from context and request', async () => {
    const { jkt } = client;
    expect(await call(await start(), client, { token })).toMatchObject({ status: 200 });
    expect(places()).toEqual([
      ['before the guard', undefined],
      ['guard', jkt],
      ['interceptor', jkt],
      ['request', jkt],
      ['request of Node', jkt],
      ['copy', undefined],
      ['nothing', undefined],
    ]);
    const verdicts = new Set(seen.map(([, verdict]) => verdict).filter(Boolean));
    expect([...verdicts]).toMatchObject([{ scheme: 'DPoP', scopes: ['read'], token }]);
  });

  test('gives a filter the verdict on a request that failed later', async () => {
    expect(await call(await start(), client, { path: '/failing', token })).toMatchObject({ status: 418 });
    expect(places()).toContainEqual(['filter', client.jkt]);
  });

  test('gives a filter nothing for a request that DpopGuard refused', async () => {
    const refused = await call(await start(), client, { path: '/scoped', token });
    expect(refused).toMatchObject({ status: 403, code: 'insufficient_scope' });
    expect(places()).toEqual([
      ['before the guard', undefined],
      ['filter', undefined],
    ]);
  });

  test('is undefined on an open route, whatever credentials come along', async () => {
    expect(await call(await start(), client, { path: '/open', token })).toMatchObject({ status: 200 });
    expect(places()).toEqual([['open', undefined]]);
  });

  test('on the request of Node, for a listener that was there before the guard', async () => {
    const app = await startApp(
      platform,
      createRootModule({
        dpop: DpopModule.forRoot(withOrigin({ accessToken: issuer.accessToken })),
        controllers: [ReadingController],
      }),
      {
        before: (nest) => {
          nest.use(
            (request: object, response: { on(name: string, act: () => void): void }, next: () => void) => {
              response.on('finish', () => look('finish', request));
              next();
            },
          );
        },
      },
    );
    await call(app, client, { token });
    await app.close();
    expect(places()).toContainEqual(['finish', client.jkt]);
  });
});

@UseFilters(ReadingFilter)
@UseGuards(DpopGuard, LateGuard)
@UseInterceptors(ReadingInterceptor)
@Resolver()
class ReadingResolver {
  @Query(() => String)
  me(): string {
    return 'me';
  }

  @Query(() => String, { nullable: true })
  failing(): never {
    throw new HttpException('of the app', 418);
  }

  @RequireScopes('write')
  @Query(() => String, { nullable: true })
  scoped(): string {
    return 'scoped';
  }
}

const GRAPHQL: readonly (readonly [string, Platform, () => DynamicModule])[] = [
  [
    'Apollo on Express',
    'express',
    () =>
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        autoSchemaFile: true,
        graphiql: false,
      }),
  ],
  [
    'Mercurius on Fastify',
    'fastify',
    () => GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, autoSchemaFile: true }),
  ],
];

describe.each(GRAPHQL)('getDpopVerdict in GraphQL, %s (B13)', (_name, platform, graphql) => {
  const start = (): Promise<RunningApp> =>
    startApp(
      platform,
      createRootModule({
        dpop: DpopModule.forRoot(withOrigin({ accessToken: issuer.accessToken })),
        imports: [graphql()],
        controllers: [],
        providers: [ReadingResolver],
      }),
    );
  const ask = (app: RunningApp, query: string) =>
    call(app, client, { method: 'POST', path: '/graphql', body: { query }, token });

  test('gives the verdict to guards, interceptors and filters of resolvers', async () => {
    const app = await start();
    expect(await ask(app, '{ me }')).toMatchObject({ status: 200, body: { data: { me: 'me' } } });
    await ask(app, '{ failing }');
    expect(places()).toEqual(
      ['guard', 'interceptor', 'guard', 'interceptor', 'filter'].map((place) => [place, client.jkt]),
    );
  });

  test('and nothing for a resolver that DpopGuard refused', async () => {
    const refused = await ask(await start(), '{ scoped }');
    expect(JSON.stringify(refused.body)).toContain('"insufficient_scope"');
    expect(places()).toEqual([['filter', undefined]]);
  });
});
