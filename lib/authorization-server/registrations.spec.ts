import { describe, expect, test } from '@jest/globals';
import { type DynamicModule, type INestApplicationContext, Module, Scope } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { DpopAuthorizationServerOptions } from '../config/authorization-server-options.js';
import { AUTHORIZATION_SERVER_CONFIG } from '../config/injection-tokens.js';
import { DpopAuthorizationServerModule } from './dpop-authorization-server.module.js';

const register = (options: Partial<DpopAuthorizationServerOptions> = {}): DynamicModule =>
  DpopAuthorizationServerModule.forRoot({ issuer: 'https://auth.example.com', ...options });

async function start(...imports: readonly DynamicModule[]): Promise<INestApplicationContext> {
  @Module({ imports: [...imports] })
  class RootModule {}
  return await NestFactory.createApplicationContext(RootModule, { logger: false, abortOnError: false });
}

describe('registrations of an authorization server that cannot be (G7)', () => {
  const one =
    'The options of DpopAuthorizationServerModule must be one for the whole app, but they depend on ';
  const way =
    'Each request would have its own replay store. Inject singletons only, such as ConfigService; put what differs from request to request into origin: (request) => …';

  test('are those whose options depend on the request, by their definition or as Nest reports it', async () => {
    @Module({
      providers: [{ provide: 'tenant', useFactory: () => 'tenant', scope: Scope.REQUEST }],
      exports: ['tenant'],
    })
    class TenantModule {}
    const scoped = DpopAuthorizationServerModule.forRootAsync({
      imports: [TenantModule],
      inject: ['tenant'],
      useFactory: () => ({ issuer: 'https://auth.example.com' }),
    });
    await expect(start(scoped)).rejects.toThrow(
      new TypeError(`${one}a request-scoped provider: DpopAuthorizationServerModule → tenant. ${way}`),
    );
    const { providers = [], ...registration } = register();
    const config = { provide: AUTHORIZATION_SERVER_CONFIG, useFactory: () => ({}), scope: Scope.REQUEST };
    await expect(start({ ...registration, providers: [...providers, config] })).rejects.toThrow(
      new TypeError(`${one}a scoped provider. ${way}`),
    );
  });

  test('are two that are global, and two in one module', async () => {
    const other = { issuer: 'https://other.example.com' };
    await expect(start(register(), register(other))).rejects.toThrow(
      new TypeError(
        'DpopAuthorizationServerModule is registered globally more than once, with options that differ or come from factories. Nest would silently use one of them. ' +
          'Import forRoot or forRootAsync once, in the root module; for several servers in one app, use isGlobal: false and import the module that forRoot returned where it is needed',
      ),
    );
    const isGlobal = false;
    await expect(start(register({ isGlobal }), register({ ...other, isGlobal }))).rejects.toThrow(
      'imports two registrations of DpopAuthorizationServerModule with isGlobal: false',
    );
    const app = await start(register(), register({ ...other, isGlobal }));
    await app.close();
  });
});
