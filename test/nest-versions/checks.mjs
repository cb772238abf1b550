// What must hold on every version of Nest that the package allows: A1 to A3 of SECURITY.md, each beside a request
// that passes, and the place of the metadata document. Runs on the packed package, next to one version of Nest: see .ci/nest-versions.mjs.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import {
  All,
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  Post,
  Scope,
  UseGuards,
  VersioningType,
} from '@nestjs/common';
import { APP_GUARD, NestFactory, REQUEST } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  Dpop,
  DpopBound,
  DpopGuard,
  DpopAuthorizationServerModule,
  DpopModule,
  DpopProofGuard,
  RequireAuthentication,
  RequireScopes,
  SkipDpop,
} from 'nestjs-dpop';
import { DpopIoAdapter } from 'nestjs-dpop/platform-socket.io';
import { DpopWsAdapter } from 'nestjs-dpop/platform-ws';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';

const ORIGIN = 'https://api.example.com';
const PLATFORMS = ['express', 'fastify'];

let issuer;
let client;
let token;
let hits = [];

before(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client, scopes: ['read'], claims: { acr: 'phr' } });
});

const running = [];
after(() => Promise.all(running.map((app) => app.close())));

// Decorators, applied by hand: this file is plain JavaScript.

function decorate(type, ...decorators) {
  for (const decorator of decorators.toReversed()) decorator(type);
  return type;
}

function onMethod(type, name, ...decorators) {
  const descriptor = Object.getOwnPropertyDescriptor(type.prototype, name);
  for (const decorator of decorators.toReversed()) decorator(type.prototype, name, descriptor);
  return type;
}

function inject(type, ...tokens) {
  tokens.forEach((injected, index) => Inject(injected)(type, undefined, index));
  return type;
}

function handlerClass(name = 'read', ...decorators) {
  class Base {
    [name]() {
      hits.push(name);
      return { event: name, data: { ran: name }, ran: name };
    }
  }
  return onMethod(Base, name, ...(decorators.length === 0 ? [Get()] : decorators));
}

const extend = (base, ...decorators) => decorate(class Sub extends base {}, ...decorators);

// Apps and requests

const options = (overrides = {}) => ({ origin: ORIGIN, accessToken: issuer.accessToken, ...overrides });

function moduleOf({ dpop = DpopModule.forRoot(options()), imports = [], controllers = [], providers = [] }) {
  class RootModule {}
  return decorate(RootModule, Module({ imports: [dpop, ...imports], controllers, providers }));
}

async function start(platform, parts) {
  const adapter =
    platform === 'express'
      ? new ExpressAdapter()
      : new FastifyAdapter({ ...parts.fastify, forceCloseConnections: true });
  const app = await NestFactory.create(moduleOf(parts), adapter, {
    logger: false,
    abortOnError: false,
    forceCloseConnections: true,
  });
  running.push(app);
  parts.before?.(app);
  await app.listen(0, '127.0.0.1');
  hits = [];
  return app;
}

async function messageOfFailure(platform, parts) {
  const outcome = await start(platform, parts).catch((error) => error);
  assert.ok(outcome instanceof Error, 'the app must not start');
  return outcome.message;
}

/** One request with the target exactly as given, which no URL parser has seen. */
function send(app, target, headers = {}, method = 'GET') {
  const { port } = app.getHttpServer().address();
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path: target, headers, method }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      response.on('end', () => {
        const body = parse(text);
        resolve({ status: response.statusCode, code: body?.code, headers: response.headers, body });
      });
    });
    sent.on('error', reject).end();
  });
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function credentials(htu = `${ORIGIN}/`) {
  return {
    authorization: `DPoP ${token}`,
    dpop: await client.createProof({ method: 'GET', url: htu, token }),
  };
}

/** A1: a proof for `htu` must open nothing else. Fastify refuses two of the targets before any guard is asked. */
const TARGETS = [
  { htu: '/accounts', target: '/orders/42/../../accounts' },
  { htu: '/accounts', target: '/orders/42/%2e%2e/%2E%2E/accounts' },
  { htu: '/accounts', target: '/./accounts' },
  { htu: '/accounts', target: '/orders/./accounts' },
  { htu: '/accounts', target: 'http://h:admin/accounts', refusedBy: 'fastify' },
  { htu: '/accounts', target: '/admin;/../accounts', only: 'fastify' },
  { htu: '//x@y/admin', target: '//x@y/admin#', refusedBy: 'fastify' },
  { htu: '/accounts', target: '/accounts#' },
  { htu: '/v2/pay', target: '/../v2/pay', origin: `${ORIGIN}/v1`, proofOrigin: ORIGIN },
];

function targetControllers(platform) {
  const rest = platform === 'express' ? '*rest' : '*';
  const routes = [['accounts'], ['admin'], ['v2/pay'], [`orders/:id/${rest}`], [':a/:b'], [':a/:b/:c']];
  class TargetController {}
  routes.forEach(([path], index) => {
    TargetController.prototype[`route${index}`] = function handle() {
      hits.push(path);
      return { path };
    };
    onMethod(TargetController, `route${index}`, Get(path));
  });
  return [decorate(TargetController, Controller(), UseGuards(DpopGuard))];
}

for (const platform of PLATFORMS) {
  void describe(`A1 what is compared is what is routed, on ${platform}`, () => {
    for (const { htu, target, origin = ORIGIN, proofOrigin = origin, only, refusedBy } of TARGETS) {
      if (only !== undefined && only !== platform) continue;
      void test(`${target} under a proof for ${proofOrigin}${htu}`, async () => {
        const app = await start(platform, {
          dpop: DpopModule.forRoot(options({ origin })),
          controllers: targetControllers(platform),
          fastify: { useSemicolonDelimiter: true, routerOptions: { useSemicolonDelimiter: true } },
        });
        const good = await send(app, '/accounts', await credentials(`${origin}/accounts`));
        assert.deepEqual([good.status, hits], [200, ['accounts']]);
        hits = [];
        const refused = await send(app, target, await credentials(proofOrigin + htu));
        assert.deepEqual(hits, []);
        if (refusedBy === platform) assert.ok(refused.status === 400 || refused.status === 404);
        else assert.deepEqual([refused.status, refused.code], [400, 'invalid_request']);
      });
    }
  });
}

/** A2: what a class says itself, beyond a base class that is open. */
const DEMANDS = {
  '@RequireScopes': () => RequireScopes('read'),
  '@RequireAuthentication': () => RequireAuthentication({ acrValues: ['phr'] }),
  '@Dpop with a policy': () => Dpop({ nonce: 'off' }),
  'a bare @Dpop': () => Dpop(),
  '@UseGuards(DpopGuard)': () => UseGuards(DpopGuard),
};

for (const platform of PLATFORMS) {
  const guard = { provide: APP_GUARD, useExisting: DpopGuard };

  async function outcomeOf(controller, providers = [guard]) {
    const app = await start(platform, { controllers: [decorate(controller, Controller())], providers });
    const bare = await send(app, '/');
    const hitsBefore = hits.length;
    const good = await send(app, '/', await credentials());
    return [bare.status, hitsBefore, good.status, hits.length - hitsBefore];
  }

  void describe(`A2 the nearest statement wins, on ${platform}`, () => {
    void test('an open base class leaves a class open that says nothing', async () => {
      assert.deepEqual(await outcomeOf(extend(decorate(handlerClass(), SkipDpop()))), [200, 1, 200, 1]);
    });

    for (const [name, demand] of Object.entries(DEMANDS)) {
      void test(`${name} on a class takes back the opening of its base class`, async () => {
        const base = decorate(handlerClass(), SkipDpop());
        assert.deepEqual(await outcomeOf(extend(base, demand())), [401, 0, 200, 1]);
        assert.deepEqual(await outcomeOf(extend(extend(base, demand()))), [401, 0, 200, 1]);
      });

      void test(`${name} on a handler takes back the opening of its class`, async () => {
        const controller = decorate(handlerClass('read', Get(), demand()), SkipDpop());
        assert.deepEqual(await outcomeOf(controller), [401, 0, 200, 1]);
      });

      void test(`${name} beside @SkipDpop on one class does not start`, async () => {
        const controller = decorate(handlerClass(), Controller(), SkipDpop(), demand());
        assert.match(
          await messageOfFailure(platform, { controllers: [controller], providers: [guard] }),
          /^@SkipDpop\(\) must not stand beside a decorator that requires a proof on one class: Base/,
        );
      });
    }

    void test('a demand without a guard does not start', async () => {
      const controller = decorate(handlerClass('read', Get(), RequireScopes('read')), Controller());
      assert.match(
        await messageOfFailure(platform, { controllers: [controller] }),
        /No DpopGuard .*Base\.read/,
      );
      class Bound {
        read(jkt) {
          return jkt;
        }
      }
      onMethod(Bound, 'read', Get());
      DpopBound()(Bound.prototype, 'read', 0);
      const bound = decorate(Bound, Controller());
      assert.match(await messageOfFailure(platform, { controllers: [bound] }), /Bound\.read \(@DpopBound\)/);
    });
  });
}

/** A3: options that are not one for the app, by each way in which the guard is bound. */
const scoped = (scope, durable = false) =>
  decorate(
    class Settings {
      createDpopOptions() {
        return options();
      }
    },
    Injectable({ scope, durable }),
  );
const injecting = (injected) =>
  inject(
    decorate(
      class Settings {
        createDpopOptions() {
          return options();
        }
      },
      Injectable(),
    ),
    injected,
  );

function settingsModule(...providers) {
  class SettingsModule {}
  return decorate(
    SettingsModule,
    Module({ providers, exports: providers.map(({ provide, name }) => provide ?? name) }),
  );
}

const SCOPED_OPTIONS = {
  'an injected REQUEST': () => ({ inject: [REQUEST], useFactory: () => options() }),
  'useClass that injects REQUEST': () => ({ useClass: injecting(REQUEST) }),
  'useClass, request-scoped': () => ({ useClass: scoped(Scope.REQUEST) }),
  'useClass, durable': () => ({ useClass: scoped(Scope.REQUEST, true) }),
  'useClass, transient': () => ({ useClass: scoped(Scope.TRANSIENT) }),
  'a scoped provider further behind': () => ({
    imports: [
      settingsModule(
        { provide: 'near', inject: ['far'], useFactory: () => ({ createDpopOptions: () => options() }) },
        { provide: 'far', scope: Scope.REQUEST, useFactory: () => 'tenant' },
      ),
    ],
    useExisting: 'near',
  }),
};

const SINGLETONS = {
  useFactory: () => ({ useFactory: () => options() }),
  useClass: () => ({ useClass: scoped(Scope.DEFAULT) }),
  useExisting: () => ({
    imports: [
      settingsModule({ provide: 'near', useFactory: () => ({ createDpopOptions: () => options() }) }),
    ],
    useExisting: 'near',
  }),
};

const BINDINGS = {
  '@UseGuards': () => ({ controllers: [decorate(handlerClass(), Controller(), UseGuards(DpopGuard))] }),
  'APP_GUARD, useExisting': () => ({
    controllers: [decorate(handlerClass(), Controller())],
    providers: [{ provide: APP_GUARD, useExisting: DpopGuard }],
  }),
  'APP_GUARD, useClass': () => ({
    controllers: [decorate(handlerClass(), Controller())],
    providers: [{ provide: APP_GUARD, useClass: DpopGuard }],
  }),
};

for (const platform of PLATFORMS) {
  void describe(`A3 options are one for the app, on ${platform}`, () => {
    for (const [binding, parts] of Object.entries(BINDINGS)) {
      for (const [name, dpop] of Object.entries(SCOPED_OPTIONS)) {
        void test(`${name}, with ${binding}`, async () => {
          const message = await messageOfFailure(platform, {
            ...parts(),
            dpop: DpopModule.forRootAsync(dpop()),
          });
          assert.match(
            message,
            /^The options of DpopModule must be one for the whole app.* provider: DpopModule → /,
          );
          assert.match(message, /singletons only/);
        });
      }

      for (const [name, dpop] of Object.entries(SINGLETONS)) {
        void test(`singletons by ${name}, with ${binding}: one memory`, async () => {
          const app = await start(platform, { ...parts(), dpop: DpopModule.forRootAsync(dpop()) });
          const sent = await credentials();
          const answers = [await send(app, '/'), await send(app, '/', sent), await send(app, '/', sent)];
          assert.deepEqual([...answers.map(({ status }) => status), hits.length], [401, 200, 401, 1]);
        });
      }
    }

    const guardBy = {
      useExisting: (type) => ({ provide: APP_GUARD, useExisting: type }),
      useClass: (type) => ({ provide: APP_GUARD, useClass: type }),
      useFactory: (type) => ({ provide: APP_GUARD, inject: [type], useFactory: (made) => made }),
    };
    for (const [way, bind] of Object.entries(guardBy)) {
      void test(`a global guard behind which something is request-scoped, by ${way}`, async () => {
        class ReadingGuard extends DpopGuard {}
        Inject(REQUEST)(ReadingGuard.prototype, 'request');
        decorate(ReadingGuard, Injectable());
        const parts = {
          controllers: [decorate(handlerClass(), Controller())],
          providers: [ReadingGuard, bind(ReadingGuard)],
        };
        assert.match(await messageOfFailure(platform, parts), /APP_GUARD/);
      });

      // An alias and a factory of a class that is scoped itself: some versions ask it, some left it out.
      void test(`a global guard that is request-scoped is asked or does not start, by ${way}`, async () => {
        class ScopedGuard extends DpopGuard {}
        decorate(ScopedGuard, Injectable({ scope: Scope.REQUEST }));
        const parts = {
          controllers: [decorate(handlerClass(), Controller())],
          providers: [ScopedGuard, bind(ScopedGuard)],
        };
        const app = await start(platform, parts).catch((error) => error);
        if (app instanceof Error) return assert.match(app.message, /APP_GUARD/);
        const answers = [await send(app, '/'), await send(app, '/', await credentials())];
        return assert.deepEqual(
          answers.map(({ status }) => status),
          [401, 200],
        );
      });
    }

    void test('two global registrations with different options do not start', async () => {
      class FeatureModule {}
      decorate(FeatureModule, Module({ imports: [DpopModule.forRoot(options({ nonce: 'required' }))] }));
      const message = await messageOfFailure(platform, { imports: [FeatureModule] });
      assert.match(message, /^DpopModule is registered globally 2 times.* RootModule and of FeatureModule/);
    });

    void test('the bare module does not start', async () => {
      assert.match(
        await messageOfFailure(platform, { dpop: DpopModule }),
        /^DpopModule was imported without options/,
      );
    });
  });
}

/** Before the routes of the app, on which each version registers in its own order. */
for (const platform of PLATFORMS) {
  void describe(`H the metadata document stands before everything of the app, on ${platform}`, () => {
    const metadata = '/.well-known/oauth-protected-resource';
    const rest = platform === 'express' ? '*rest' : '*';

    async function startWildcard(overrides) {
      const controller = handlerClass('any', All(['/', rest]), RequireScopes('b', 'a'));
      return await start(platform, {
        dpop: DpopModule.forRoot(options({ metadata: {}, ...overrides })),
        controllers: [decorate(controller, Controller())],
        providers: [{ provide: APP_GUARD, useExisting: DpopGuard }],
        before: (app) => {
          app.setGlobalPrefix('api');
          app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
          app.enableCors({ origin: 'https://app.example.com' });
        },
      });
    }

    void test('for a resource with and without a path', async () => {
      for (const path of ['', '/v1']) {
        const app = await startWildcard({ origin: ORIGIN + path });
        const { status, body } = await send(app, metadata + path);
        assert.deepEqual([status, body?.resource], [200, ORIGIN + path]);
        assert.deepEqual(body.scopes_supported, ['a', 'b']);
        assert.equal((await send(app, metadata + path, {}, 'HEAD')).status, 200);
        assert.deepEqual(hits, []);
        assert.equal((await send(app, '/api/v1/other')).status, 401);
      }
    });

    void test('of the origin that the client came by, and of no other', async () => {
      const app = await startWildcard({ origin: [ORIGIN, 'https://other.example:8443'] });
      const { body } = await send(app, metadata, { host: 'other.example:8443' });
      assert.equal(body.resource, 'https://other.example:8443');
      assert.equal((await send(app, metadata, { host: 'evil.example' })).status, 404);
    });
  });
}

/** Nest 11 runs no global guard for messages, and its filter tells no client of ws of an exception. */

for (const platform of PLATFORMS) {
  void describe(`G endpoints of an authorization server, on ${platform}`, () => {
    const SERVER = 'https://auth.example.com';

    function tokenController(...decorators) {
      class TokenController {
        issue(jkt) {
          hits.push('issue');
          return { jkt };
        }
      }
      DpopBound()(TokenController.prototype, 'issue', 0);
      onMethod(TokenController, 'issue', Post());
      return decorate(TokenController, Controller('token'), UseGuards(DpopProofGuard), ...decorators);
    }

    const startServer = (...decorators) =>
      start(platform, {
        imports: [DpopAuthorizationServerModule.forRoot({ issuer: SERVER, nonce: 'required' })],
        controllers: [tokenController(...decorators)],
        providers: [{ provide: APP_GUARD, useExisting: DpopGuard }],
      });

    void test('a proof passes with the nonce of the server, and a refusal has the JSON of RFC 6749', async () => {
      const app = await startServer(SkipDpop());
      const proof = (nonce) => client.createProof({ method: 'POST', url: `${SERVER}/token`, nonce });
      const refused = await send(app, '/token', { dpop: await proof() }, 'POST');
      assert.equal(refused.status, 400);
      assert.equal(refused.body.error, 'use_dpop_nonce');
      assert.deepEqual(hits, []);
      const nonce = refused.headers['dpop-nonce'];
      const { status, body } = await send(app, '/token', { dpop: await proof(nonce) }, 'POST');
      assert.deepEqual([status, body], [201, { jkt: client.jkt }]);
      assert.deepEqual(hits, ['issue']);
    });

    void test('an endpoint that both guards cover does not start', async () => {
      const parts = {
        imports: [DpopAuthorizationServerModule.forRoot({ issuer: SERVER })],
        controllers: [tokenController()],
        providers: [{ provide: APP_GUARD, useExisting: DpopGuard }],
      };
      assert.match(await messageOfFailure(platform, parts), /both cover these handlers/);
    });
  });
}

for (const platform of PLATFORMS) {
  void describe(`J sockets of ws on ${platform}`, () => {
    const gatewayClass = (...decorators) =>
      onMethod(handlerClass('read', ...decorators), 'read', SubscribeMessage('read'));

    const startGateway = (gateway) =>
      start(platform, {
        providers: [gateway, { provide: APP_GUARD, useExisting: DpopGuard }],
        before: (app) => app.useWebSocketAdapter(new DpopWsAdapter(app)),
      });

    /** The status of the handshake, and the answer to one message. */
    async function ask(app, headers) {
      const { port } = app.getHttpServer().address();
      const socket = new WebSocket(`ws://127.0.0.1:${port}/feed`, { headers });
      socket.on('error', () => undefined);
      return await new Promise((resolve) => {
        socket.on('unexpected-response', (_request, { statusCode }) => resolve({ status: statusCode }));
        socket.on('open', () => socket.send(JSON.stringify({ event: 'read', data: 'secret' })));
        socket.on('message', (data) => {
          socket.terminate();
          resolve({ status: 101, answer: JSON.parse(Buffer.from(data).toString()) });
        });
      });
    }

    void test('J1 a handshake without credentials opens no socket, with a proof it does', async () => {
      const gateway = gatewayClass(UseGuards(DpopGuard));
      DpopBound()(gateway.prototype, 'read', 0);
      const app = await startGateway(decorate(gateway, WebSocketGateway({ path: '/feed' })));
      assert.deepEqual(await ask(app, {}), { status: 401 });
      assert.deepEqual(hits, []);
      const opened = await ask(app, await credentials(`${ORIGIN}/feed`));
      assert.equal(opened.status, 101);
      assert.deepEqual(hits, ['read']);
    });

    void test('J1 the client is told why a message is refused', async () => {
      const gateway = gatewayClass(UseGuards(DpopGuard), RequireScopes('other'));
      const app = await startGateway(decorate(gateway, WebSocketGateway({ path: '/feed' })));
      const { answer } = await ask(app, await credentials(`${ORIGIN}/feed`));
      assert.equal(answer.event, 'exception');
      assert.equal(answer.data.code, 'insufficient_scope');
      assert.doesNotMatch(JSON.stringify(answer), /secret/);
      assert.deepEqual(hits, []);
    });

    void test('J1 what a message requires with only a global guard ends the start', async () => {
      const gateway = gatewayClass(RequireScopes('other'));
      const parts = {
        providers: [
          decorate(gateway, WebSocketGateway({ path: '/feed' })),
          { provide: APP_GUARD, useExisting: DpopGuard },
        ],
        before: (app) => app.useWebSocketAdapter(new DpopWsAdapter(app)),
      };
      assert.match(
        await messageOfFailure(platform, parts),
        /^No DpopGuard covers these messages of gateways/,
      );
    });
  });
}

/** The adapter of Nest creates the server; its filter sends exceptions as events. */
for (const platform of PLATFORMS) {
  void describe(`J sockets of socket.io on ${platform}`, () => {
    const gatewayClass = (gatewayOptions, ...decorators) =>
      decorate(
        onMethod(handlerClass('read', ...decorators), 'read', SubscribeMessage('read')),
        WebSocketGateway(gatewayOptions),
      );

    const startGateways = (...providers) =>
      start(platform, {
        providers,
        before: (app) => app.useWebSocketAdapter(new DpopIoAdapter(app)),
      });

    /** Why there is no connection, or the answer to one message. */
    async function ask(app, extraHeaders, namespace = '/') {
      const { port } = app.getHttpServer().address();
      const socket = io(`http://127.0.0.1:${port}${namespace}`, {
        forceNew: true,
        reconnection: false,
        transports: ['websocket'],
        extraHeaders,
      });
      const answer = await new Promise((resolve) => {
        socket.on('connect_error', ({ message, data }) => resolve({ refused: data?.code ?? message }));
        socket.on('connect', () => socket.emit('read', { secret: true }));
        for (const event of ['read', 'exception']) socket.on(event, (data) => resolve({ event, data }));
      });
      socket.disconnect();
      return answer;
    }

    const handshake = () => credentials(`${ORIGIN}/socket.io/`);

    void test('J1 a handshake without credentials opens no connection, with a proof it does', async () => {
      const gateway = gatewayClass({}, UseGuards(DpopGuard));
      DpopBound()(gateway.prototype, 'read', 0);
      const app = await startGateways(gateway);
      assert.deepEqual(await ask(app, {}), { refused: 'websocket error' });
      assert.deepEqual(hits, []);
      const { event, data } = await ask(app, await handshake());
      assert.deepEqual([event, data], ['read', { ran: 'read' }]);
    });

    void test('J1 a namespace is entered only with what its gateway requires', async () => {
      const gateway = decorate(gatewayClass({ namespace: 'scoped' }), RequireScopes('other'));
      const app = await startGateways(gatewayClass({}), gateway);
      assert.deepEqual(await ask(app, await handshake(), '/scoped'), { refused: 'insufficient_scope' });
      assert.deepEqual(hits, []);
    });

    void test('J1 the client is told why a message is refused', async () => {
      const app = await startGateways(gatewayClass({}, UseGuards(DpopGuard), RequireScopes('other')));
      const { event, data } = await ask(app, await handshake());
      assert.equal(event, 'exception');
      assert.equal(data.code, 'insufficient_scope');
      assert.doesNotMatch(JSON.stringify(data), /secret/);
      assert.deepEqual(hits, []);
    });
  });
}
