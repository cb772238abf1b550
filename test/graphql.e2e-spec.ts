import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type DynamicModule, UseGuards } from '@nestjs/common';
import {
  Field,
  GraphQLModule,
  Mutation,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  Resolver,
} from '@nestjs/graphql';
import type { MercuriusDriverConfig } from '@nestjs/mercurius';
import {
  type AccessTokenClaims,
  Dpop,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  RequireScopes,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { type Answer, call, type Call, proofFor } from './support/call.js';
import { withOrigin } from './support/origin.js';
import type { Platform } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';

// Mercurius, a CommonJS package, requires it for a page that is never shown, and it requires an ES module, which
// Jest cannot do below Node 24.9.
jest.mock('@fastify/static', () => () => undefined);
const { MercuriusDriver } = await import('@nestjs/mercurius');

let issuer: TestIssuer;
let client: TestClient;
let token: string;
let hits = 0;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client, scopes: ['read'] });
});

beforeEach(() => {
  hits = 0;
});

afterEach(closeApps);

@ObjectType()
class Account {
  @Field()
  owner!: string;
}

@UseGuards(DpopGuard)
@Resolver(() => Account)
class GuardedResolver {
  @Query(() => String)
  me(@DpopBound() jkt: string): string {
    hits += 1;
    return jkt;
  }

  @Query(() => String)
  client(
    @DpopBound('claims') claims: AccessTokenClaims,
    @DpopBound('scopes') scopes: readonly string[],
  ): string {
    return `${claims.client_id} ${scopes.join(' ')}`;
  }

  @RequireScopes('write')
  @Query(() => String, { nullable: true })
  ledger(): string {
    hits += 1;
    return 'ledger';
  }

  @Dpop({ nonce: 'required' })
  @Query(() => String)
  vault(@DpopBound('hasNonce') hasNonce: boolean): string {
    return String(hasNonce);
  }

  @Mutation(() => String)
  transfer(@DpopBound() jkt: string): string {
    hits += 1;
    return jkt;
  }

  @Query(() => Account)
  account(@DpopBound() owner: string): Account {
    return { owner };
  }

  @ResolveField(() => String)
  label(@Parent() account: Account, @DpopBound() jkt: string): string {
    return `${account.owner === jkt}`;
  }
}

@Resolver()
class OpenResolver {
  @Query(() => String)
  open(): string {
    return 'open';
  }

  @Query(() => String)
  unguarded(@DpopBound() jkt: string): string {
    hits += 1;
    return jkt;
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
        // Otherwise Nest answers 200 for whatever a resolver threw.
        preserveHttpStatusForExecutionErrors: false,
      }),
  ],
  [
    'Mercurius on Fastify',
    'fastify',
    () => GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, autoSchemaFile: true }),
  ],
];

interface GraphqlBody {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly { readonly extensions?: Readonly<Record<string, unknown>> }[];
}

describe.each(GRAPHQL)('GraphQL, %s', (_name, platform, graphql) => {
  const start = (options: Partial<DpopModuleOptions> = {}) =>
    startApp(
      platform,
      // OpenResolver asks for a verdict, and has no guard.
      createRootModule({
        dpop: DpopModule.forRoot(
          withOrigin({ accessToken: issuer.accessToken, unguardedRoutes: 'warn', ...options }),
        ),
        imports: [graphql()],
        controllers: [],
        providers: [GuardedResolver, OpenResolver],
      }),
    );

  const ask = (app: RunningApp, query: string, parts: Call = { token }): Promise<Answer> =>
    call(app, client, { method: 'POST', path: '/graphql', body: { query }, ...parts });

  const dataOf = ({ body }: Answer): unknown => (body as GraphqlBody).data;
  const errorsOf = ({ body }: Answer) => (body as GraphqlBody).errors ?? [];

  test('a guarded resolver gets the thumbprint and other parts of the verdict (B3)', async () => {
    const app = await start();
    expect(await ask(app, '{ me client }')).toMatchObject({
      status: 200,
      body: { data: { me: client.jkt, client: 'client read' } },
    });
  });

  test('without credentials it is 401 with the challenge, and no resolver runs (D1, D7)', async () => {
    const app = await start();
    const answer = await ask(app, '{ me }', {});
    expect(answer).toMatchObject({ status: 401 });
    expect(answer.challenge).toMatch(/^DPoP algs="[^"]+"$/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate');
    expect(dataOf(answer) ?? null).toBeNull();
    expect(hits).toBe(0);
  });

  test('the stable code stands in the extensions (D6)', async () => {
    const app = await start();
    const [error] = errorsOf(await ask(app, '{ me }', {}));
    expect(JSON.stringify(error?.extensions)).toContain('"credentials_missing"');
  });

  test('a resolver without the guard is open; beside a guarded one it answers all the same', async () => {
    const app = await start();
    expect(await ask(app, '{ open }', {})).toMatchObject({ status: 200, body: { data: { open: 'open' } } });
  });

  test('@DpopBound in a resolver without the guard is 503 (D8)', async () => {
    const app = await start();
    expect(await ask(app, '{ unguarded }')).toMatchObject({ status: 503 });
    expect(hits).toBe(0);
  });

  test('several resolvers of one operation pass with one proof, which is spent (F1)', async () => {
    const app = await start();
    const proof = await proofFor(client, { method: 'POST', path: '/graphql', token });
    const operation = '{ first: me second: me account { owner label } }';
    expect(await ask(app, operation, { token, proof })).toMatchObject({
      status: 200,
      body: {
        data: { first: client.jkt, second: client.jkt, account: { owner: client.jkt, label: 'true' } },
      },
    });
    const replay = await ask(app, '{ me }', { token, proof });
    expect(replay).toMatchObject({ status: 401 });
    expect(replay.challenge).toContain('error="invalid_dpop_proof"');
    expect(hits).toBe(2);
  });

  test('mutations, which run one after the other, too (F1)', async () => {
    const app = await start();
    const proof = await proofFor(client, { method: 'POST', path: '/graphql', token });
    expect(await ask(app, 'mutation { a: transfer b: transfer }', { token, proof })).toMatchObject({
      status: 200,
      body: { data: { a: client.jkt, b: client.jkt } },
    });
    expect(await ask(app, 'mutation { transfer }', { token, proof })).toMatchObject({ status: 401 });
    expect(hits).toBe(2);
  });

  test('each resolver has its own policy: scopes', async () => {
    const app = await start();
    const refused = await ask(app, '{ me ledger }');
    expect(dataOf(refused)).toEqual({ me: client.jkt, ledger: null });
    expect(JSON.stringify(errorsOf(refused))).toContain('"insufficient_scope"');
    expect(refused.challenge).toMatch(/error="insufficient_scope".*scope="write"/);
    const writer = await issuer.issueToken({ client, scopes: ['read', 'write'] });
    expect(await ask(app, '{ me ledger }', { token: writer })).toMatchObject({
      body: { data: { me: client.jkt, ledger: 'ledger' } },
    });
  });

  test('each resolver has its own policy: nonces, served with one retry', async () => {
    const app = await start();
    expect(dataOf(await ask(app, '{ me }'))).toEqual({ me: client.jkt });
    const demand = await ask(app, '{ me vault }');
    expect(demand.status).toBe(401);
    expect(demand.challenge).toMatch(/^DPoP error="use_dpop_nonce"/);
    expect(demand.nonce).toMatch(/^[\w-]{20,80}$/);
    const retried = await ask(app, '{ me vault }', { token, nonce: demand.nonce ?? '' });
    expect(retried).toMatchObject({ status: 200, body: { data: { me: client.jkt, vault: 'true' } } });
  });

  test('the proof is for the POST to the endpoint (C8, C9)', async () => {
    const app = await start();
    const wrongMethod = await proofFor(client, { method: 'GET', path: '/graphql', token });
    const wrongPath = await proofFor(client, { method: 'POST', path: '/', token });
    for (const proof of [wrongMethod, wrongPath]) {
      expect(await ask(app, '{ me }', { token, proof })).toMatchObject({ status: 401 });
    }
    expect(hits).toBe(0);
  });
});
