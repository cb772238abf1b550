import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { Injectable, type INestApplicationContext, Module, type Provider } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WebSocketGateway } from '@nestjs/websockets';
import { DpopModule } from '../module/dpop.module.js';
import { Dpop, SkipDpop } from '../guard/policy.decorators.js';
import { RequireScopes } from '../guard/rights.decorators.js';
import type { Gateway, GatewayPolicies } from './gateway-policies.js';
import { socketServicesOf } from './socket-services.js';

@RequireScopes('feed')
@WebSocketGateway({ path: '/feed' })
class FeedGateway {}

@Dpop({ nonce: 'required' })
@RequireScopes('news')
@WebSocketGateway({ path: '/feed' })
class NewsGateway {}

class ChildGateway extends FeedGateway {}

@SkipDpop()
@WebSocketGateway(8081, { namespace: 'open' })
class OpenGateway {}

@Dpop({ bearer: 'allow-unbound', enforcement: 'report', anonymous: 'allow', ticket: 'allow' })
@WebSocketGateway()
class MigratingGateway {}

@Injectable()
class Service {}

const contexts: INestApplicationContext[] = [];

afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
});

const options = {
  origin: 'https://api.example.com',
  accessToken: { issuer: 'https://auth.example.com', audience: 'https://api.example.com' },
} as const;

async function contextOf(
  providers: Provider[],
  imports = [DpopModule.forRoot(options)],
): Promise<INestApplicationContext> {
  @Module({ imports, providers })
  class AppModule {}
  const context = await NestFactory.createApplicationContext(AppModule, {
    logger: false,
    abortOnError: false,
  });
  contexts.push(context);
  return context;
}

const policiesOf = async (providers: Provider[]): Promise<GatewayPolicies> =>
  socketServicesOf(await contextOf(providers), 'Adapter').gateways;

const named = ({ gateways }: GatewayPolicies, ...types: object[]): readonly Gateway[] =>
  gateways.filter(({ type }) => types.includes(type));

describe('the gateways of an app (J1)', () => {
  test('are the classes that Nest takes for gateways, each once, with port, options and policy', async () => {
    const policies = await policiesOf([
      FeedGateway,
      { provide: 'alias', useExisting: FeedGateway },
      { provide: 'other', useClass: FeedGateway },
      { provide: 'factory', useFactory: () => new NewsGateway() },
      { provide: 'value', useValue: new NewsGateway() },
      ChildGateway,
      OpenGateway,
      Service,
    ]);
    expect(policies.gateways).toMatchObject([
      {
        type: FeedGateway,
        port: 0,
        options: { path: '/feed' },
        policy: { nonce: 'off', bearer: 'reject', scopes: ['feed'] },
      },
      {
        type: ChildGateway,
        port: 0,
        options: { path: '/feed' },
        policy: { nonce: 'off', bearer: 'reject', scopes: ['feed'] },
      },
      { type: OpenGateway, port: 8081, options: { namespace: 'open' }, policy: undefined },
    ]);
  });

  test('that share a connection require what each of them requires', async () => {
    const policies = await policiesOf([FeedGateway, NewsGateway, OpenGateway]);
    expect(policies.unite(policies.gateways)).toMatchObject({
      policy: { nonce: 'required', bearer: 'reject', scopes: ['feed', 'news'] },
      name: { handler: 'FeedGateway, NewsGateway, OpenGateway' },
    });
  });

  test('open a connection only if each of them is open', async () => {
    const policies = await policiesOf([FeedGateway, OpenGateway]);
    const open = named(policies, OpenGateway);
    expect(policies.unite(open)).toEqual({ policy: undefined, name: { handler: 'OpenGateway' } });
    expect(policies.admit(open)).toEqual({ policy: undefined, name: { handler: 'OpenGateway' } });
    expect(policies.unite(policies.gateways).policy).toBeDefined();
    expect(policies.admit(policies.gateways).policy).toBeDefined();
  });

  test('a connection without a gateway is closed', async () => {
    const policies = await policiesOf([]);
    const service = { nonce: 'off', bearer: 'reject' };
    expect(policies.unite([])).toMatchObject({ policy: service, name: {} });
    expect(policies.admit([])).toMatchObject({ policy: service, name: {} });
  });

  test('a connection without a gateway must meet the policy of the service before and after it', async () => {
    const context = await contextOf([], [DpopModule.forRoot({ ...options, nonce: 'required' })]);
    const { gateways } = socketServicesOf(context, 'Adapter');
    expect(gateways.admit([]).policy).toMatchObject({ nonce: 'required' });
    expect(gateways.unite([]).policy).toMatchObject({ nonce: 'required' });
  });

  test('have the port of the app and no options if nothing says otherwise', async () => {
    class MarkedGateway {}
    Reflect.defineMetadata('websockets:is_gateway', true, MarkedGateway);
    const { gateways } = await policiesOf([MarkedGateway]);
    expect(gateways).toMatchObject([{ type: MarkedGateway, port: 0, options: {} }]);
  });

  test('admit needs possession only, the nonce of any gateway, and what one allows', async () => {
    const policies = await policiesOf([FeedGateway, NewsGateway, MigratingGateway]);
    expect(policies.admit(policies.gateways).policy).toEqual({
      nonce: 'required',
      bearer: 'allow-unbound',
      enforcement: 'report',
      anonymous: 'allow',
      ticket: 'allow',
    });
    expect(policies.admit(named(policies, FeedGateway)).policy).toEqual({
      nonce: 'off',
      bearer: 'reject',
      enforcement: 'enforce',
      anonymous: 'reject',
      ticket: 'reject',
    });
    expect(policies.unite(policies.gateways).policy).toMatchObject({
      bearer: 'reject',
      enforcement: 'enforce',
      anonymous: 'reject',
      ticket: 'reject',
    });
  });
});

describe('what an adapter takes out of the app (J1)', () => {
  test('needs DpopModule', async () => {
    const context = await contextOf([], []);
    expect(() => socketServicesOf(context, 'DpopWsAdapter')).toThrow(
      new TypeError(
        'DpopWsAdapter must be given the app, new DpopWsAdapter(app), and DpopModule.forRoot({ … }) must be imported there',
      ),
    );
  });

  test('tells so before Nest ends the process, as it does for a provider that is missing', async () => {
    const exit = jest.spyOn(process, 'exit').mockImplementation(() => {
      throw new Error('the process ends');
    });
    try {
      @Module({})
      class AppModule {}
      const context = await NestFactory.createApplicationContext(AppModule, { logger: false });
      contexts.push(context);
      expect(() => socketServicesOf(context, 'DpopIoAdapter')).toThrow(
        'DpopIoAdapter must be given the app, new DpopIoAdapter(app), and DpopModule',
      );
      expect(exit).not.toHaveBeenCalled();
    } finally {
      exit.mockRestore();
    }
  });

  test('needs an app', () => {
    for (const value of [undefined, {}])
      expect(() => socketServicesOf(value as never, 'DpopIoAdapter')).toThrow('must be given the app');
  });

  test('needs one registration', async () => {
    class One {}
    class Two {}
    const context = await contextOf(
      [],
      [
        { module: One, imports: [DpopModule.forRoot({ ...options, isGlobal: false })] },
        { module: Two, imports: [DpopModule.forRoot({ ...options, realm: 'other', isGlobal: false })] },
      ],
    );
    expect(() => socketServicesOf(context, 'DpopWsAdapter')).toThrow(
      new TypeError(
        'DpopWsAdapter must know which registration of DpopModule verifies handshakes, and this app has 2. Register it once, in the root module',
      ),
    );
  });
});
