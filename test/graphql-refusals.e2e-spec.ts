import { afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  type CanActivate,
  type DynamicModule,
  type ExecutionContext,
  Injectable,
  Module,
  UseGuards,
} from '@nestjs/common';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import type { MercuriusDriverConfig } from '@nestjs/mercurius';
import { DpopBound, DpopGuard, DpopHttpException, DpopModule, RequireScopes } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { type Answer, call, type Call } from './support/call.js';
import { LogCollector } from './support/log-collector.js';
import { ORIGIN } from './support/origin.js';
import type { Platform } from './support/platforms.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';

// As in graphql.e2e-spec.ts.
jest.mock('@fastify/static', () => () => undefined);
const { MercuriusDriver } = await import('@nestjs/mercurius');

/** A resolver of the app that anybody with an API key may ask, too. */
@Injectable()
class ApiKeyOrDpopGuard extends DpopGuard implements CanActivate {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    try {
      return await super.canActivate(context);
    } catch (refusal) {
      const { headers } = this.getRequest(context) as { headers: Readonly<Record<string, string>> };
      if (headers['x-api-key'] !== 'right') throw refusal;
      if (refusal instanceof DpopHttpException) refusal.withdraw();
      return true;
    }
  }
}

@Resolver()
class AccountsResolver {
  @UseGuards(DpopGuard)
  @Query(() => String, { nullable: true })
  me(@DpopBound() jkt: string): string {
    return jkt;
  }

  @UseGuards(DpopGuard)
  @RequireScopes('write')
  @Query(() => String, { nullable: true })
  ledger(): string {
    return 'ledger';
  }

  @UseGuards(ApiKeyOrDpopGuard)
  @Query(() => String, { nullable: true })
  rates(): string {
    return 'rates';
  }

  @Query(() => String, { nullable: true })
  unguarded(@DpopBound() jkt: string): string {
    return jkt;
  }
}

const apollo = (changes: Partial<ApolloDriverConfig>) => (): DynamicModule =>
  GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    autoSchemaFile: true,
    graphiql: false,
    ...changes,
  });

/** Where the stable code stands in an error. */
type CodeOf = (extensions: Extensions) => unknown;
interface Extensions {
  readonly code?: unknown;
  readonly originalError?: { readonly code?: unknown };
}

const SERVERS: readonly (readonly [string, Platform, () => DynamicModule, CodeOf])[] = [
  ['Apollo', 'express', apollo({}), ({ originalError }) => originalError?.code],
  [
    'Apollo that keeps the codes of exceptions',
    'express',
    apollo({ autoTransformHttpErrors: false }),
    ({ code }) => code,
  ],
  [
    'Mercurius',
    'fastify',
    () => GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, autoSchemaFile: true }),
    ({ code }) => code,
  ],
];

let issuer: TestIssuer;
let client: TestClient;
let token: string;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client, scopes: ['read'] });
});

afterEach(closeApps);

describe.each(SERVERS)('GraphQL, %s', (_name, platform, graphql, codeOf) => {
  const start = (logger = new LogCollector()) => {
    const dpop = DpopModule.forRoot({
      origin: ORIGIN,
      accessToken: issuer.accessToken,
      unguardedRoutes: 'warn',
    });
    @Module({ imports: [dpop, graphql()], providers: [AccountsResolver] })
    class AppModule {}
    return startApp(platform, AppModule, { logger });
  };

  const ask = (app: RunningApp, query: string, parts: Call = {}): Promise<Answer> =>
    call(app, client, { method: 'POST', path: '/graphql', body: { query }, ...parts });

  const codesOf = ({ body }: Answer): unknown[] =>
    (body as { errors?: { extensions: Extensions }[] }).errors?.map(({ extensions }) => codeOf(extensions)) ??
    [];

  test('the stable code stands where the README says (D6)', async () => {
    const app = await start();
    expect(codesOf(await ask(app, '{ me }'))).toEqual(['credentials_missing']);
    expect(codesOf(await ask(app, '{ ledger }', { token }))).toEqual(['insufficient_scope']);
    expect(codesOf(await ask(app, '{ me }', { token: '***' }))).toEqual(['invalid_request']);
    expect(codesOf(await ask(app, '{ unguarded }', { token }))).toEqual(['temporarily_unavailable']);
  });

  test('a refusal names the resolver, a missing verdict too (D9)', async () => {
    const logger = new LogCollector();
    const app = await start(logger);
    await ask(app, '{ ledger }', { token });
    expect(logger.text).toMatch(/warn refused: insufficient_scope .* on POST \(AccountsResolver\.ledger\)/);
    await ask(app, '{ unguarded }', { token });
    expect(logger.text).toMatch(
      /error answered 503: verdict_missing; .* on POST \(AccountsResolver\.unguarded\)/,
    );
  });

  test('a refusal that was withdrawn leaves no trace, another one stays (D10)', async () => {
    const app = await start();
    const headers = { 'x-api-key': 'right' };
    const passed = await ask(app, '{ rates }', { headers });
    expect(passed).toMatchObject({
      status: 200,
      body: { data: { rates: 'rates' } },
      challenge: null,
      nonce: null,
    });
    expect(passed.headers.get('access-control-expose-headers')).toBeNull();
    const partly = await ask(app, '{ rates me }', { headers });
    expect(partly).toMatchObject({ body: { data: { rates: 'rates', me: null } } });
    expect(partly.challenge).toMatch(/^DPoP algs=/);
    expect(partly.headers.get('cache-control')).toBe('no-store');
    expect((await ask(app, '{ rates }')).challenge).toMatch(/^DPoP algs=/);
  });
});
