import type { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { digestOf, type ReceiverConfig } from './receiver-config.js';
import type { SecurityEventAnswers } from './security-event-answers.js';
import type { SecurityEventReceiver } from './security-event.receiver.js';
import { UnroutedRequests } from './unrouted-requests.js';

class Module {}
const SECRET = 'Bearer 0123456789abcdef';
const RESPONSE = { name: 'response' };

type Reason = { readonly reason: string };
let told: string[];
let answered: [response: unknown, reason: string][];

beforeEach(() => {
  told = [];
  answered = [];
});

/** What stands in front of the receiver, with a platform that keeps what it is given. */
function create(type: string | undefined, instance: object = {}): UnroutedRequests {
  const adapter = { getType: () => type, getInstance: () => instance };
  const application = { getGlobalPrefix: () => 'api', getGlobalPrefixOptions: () => ({}) };
  const receiver = {
    refuse: (error: Reason) => (told.push(`refused ${error.reason}`), error),
    fail: (error: Reason) => (told.push(`failed ${error.reason}`), error),
  };
  const answers = {
    failed: (response: unknown, error: Reason) => void answered.push([response, error.reason]),
  };
  return new UnroutedRequests(
    { httpAdapter: type === undefined ? undefined : adapter } as unknown as HttpAdapterHost,
    application as unknown as ApplicationConfig,
    { applicationId: 'x' } as unknown as ModulesContainer,
    'a/b',
    { authorizations: [digestOf(SECRET)] } as unknown as ReceiverConfig,
    receiver as unknown as SecurityEventReceiver,
    answers as unknown as SecurityEventAnswers,
  );
}

const request = (members: object = {}, headers: object = {}) => ({
  method: 'POST',
  path: '/',
  headers: { authorization: SECRET, 'content-type': 'application/json', ...headers },
  ...members,
});
const BAD_BODY = Object.assign(new Error('x'), { status: 400 });
const SET = { 'content-type': 'application/secevent+jwt' };

test.each([undefined, 'other'])('nothing is added to the platform %s (B9)', (type) => {
  const instance = new Proxy({}, { get: () => expect(true).toBe(false) });
  const unrouted = create(type, instance);
  expect(() => unrouted.beforeRoutes(Module)).not.toThrow();
  expect(() => unrouted.afterRoutes(Module)).not.toThrow();
});

describe('what Express passes on (B9, D5)', () => {
  type Layer = (...parameters: unknown[]) => void;

  /** Both layers, as Express finds them. */
  function layers(): { onRequest: Layer; onError: Layer; passed: unknown[] } {
    const added: [string, Layer][] = [];
    const unrouted = create('express', { use: (path: string, layer: Layer) => added.push([path, layer]) });
    unrouted.beforeRoutes(Module);
    expect(added).toStrictEqual([]);
    unrouted.afterRoutes(Module);
    expect(added.map(([path, { length }]) => [path, length])).toEqual([
      ['/api/a/b', 3],
      ['/api/a/b', 4],
    ]);
    const passed: unknown[] = [];
    const next = (...errors: unknown[]) => void passed.push(...errors, 'next');
    const [[, onRequest], [, onError]] = added as [[string, Layer], [string, Layer]];
    return {
      onRequest: (given) => onRequest(given, RESPONSE, next),
      onError: (error, given) => onError(error, given, RESPONSE, next),
      passed,
    };
  }

  test.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'])(
    '%s is answered 405, also with a bad body',
    (method) => {
      const { onRequest, onError, passed } = layers();
      onRequest(request({ method }));
      onError(BAD_BODY, request({ method }));
      onError(new Error('x'), request({ method }));
      expect(answered).toEqual(Array.from({ length: 3 }, () => [RESPONSE, 'method']));
      expect(told).toEqual(Array.from({ length: 3 }, () => 'refused method'));
      expect(passed).toStrictEqual([]);
    },
  );

  test.each([
    { method: 'POST' },
    { method: 'OPTIONS' },
    { method: 'GET', path: '/c' },
    { method: undefined },
  ])('%j goes on', (members) => {
    const { onRequest, onError, passed } = layers();
    const error = new Error('x');
    onRequest(request(members));
    onError(error, request(members));
    expect(passed).toEqual(['next', error, 'next']);
    expect(answered).toStrictEqual([]);
  });

  test('a body that no parser could read is refused, at this path alone', () => {
    const { onError, passed } = layers();
    onError(BAD_BODY, request());
    expect(answered).toEqual([[RESPONSE, 'content_type']]);
    expect(told).toEqual(['refused content_type']);
    onError(BAD_BODY, request({ path: '/c' }));
    expect(passed).toEqual([BAD_BODY, 'next']);
    expect(answered).toHaveLength(1);
  });

  test('Authorization decides first', () => {
    const { onError } = layers();
    onError(BAD_BODY, request({}, { authorization: 'Bearer x' }));
    onError(
      Object.assign(new Error('x'), { status: 400, type: 'entity.parse.failed' }),
      request({}, { authorization: undefined, ...SET }),
    );
    expect(told).toEqual(['refused authorization', 'refused authorization']);
    expect(answered).toEqual(Array.from({ length: 2 }, () => [RESPONSE, 'authorization']));
  });

  test('a token that the app has read as JSON is a failure of the service', () => {
    const { onError } = layers();
    onError(Object.assign(new Error('x'), { status: 400, type: 'entity.parse.failed' }), request({}, SET));
    expect(told).toEqual(['failed internal_failure']);
    expect(answered).toEqual([[RESPONSE, 'internal_failure']]);
  });
});

describe('what Fastify is told (B9, D5)', () => {
  type Handler = (...parameters: unknown[]) => void;
  interface Route {
    url: string;
    method: string;
    errorHandler?: Handler;
    onRequest?: Handler;
    handler?: Handler;
  }
  type Parse = (request: unknown, payload: unknown, done: Handler) => void;

  function fastify({ parsers = [] as string[], routes = [] as string[] } = {}) {
    const hooks: [string, (route: Route) => void][] = [];
    const added: Route[] = [];
    const parses: [string, Parse][] = [];
    return {
      hooks,
      added,
      parses,
      addHook: (name: string, hook: (route: Route) => void) => hooks.push([name, hook]),
      hasRoute: ({ method, url }: Route) => routes.includes(`${method} ${url}`),
      route: (route: Route) => added.push(route),
      hasContentTypeParser: (type: string) => parsers.includes(type),
      addContentTypeParser: (type: string, parse: Parse) => parses.push([type, parse]),
    };
  }

  test('the route of the receiver, and no other, has a handler of errors', () => {
    const instance = fastify();
    create('fastify', instance).beforeRoutes(Module);
    const [[name, hook] = ['', () => undefined]] = instance.hooks;
    expect([name, instance.hooks.length, instance.added.length]).toEqual(['onRoute', 1, 0]);
    const handlerOf = (url: string, method: string): Handler | undefined => {
      const route: Route = { url, method };
      hook(route);
      return route.errorHandler;
    };
    expect(handlerOf('/a/b', 'POST')).toBeUndefined();
    expect(handlerOf('/api/a/b', 'GET')).toBeUndefined();
    const handle = handlerOf('/api/a/b', 'POST');
    handle?.(BAD_BODY, { raw: request() }, RESPONSE);
    expect(answered).toEqual([[RESPONSE, 'content_type']]);
    const other = new Error('x');
    expect(() => handle?.(other, { raw: request() }, RESPONSE)).toThrow(other);
    expect(answered).toHaveLength(1);
  });

  test('other methods are routes that answer 405 before a body is read, where the app has none', () => {
    const instance = fastify({ routes: ['GET /api/a/b', 'PUT /a/b'] });
    create('fastify', instance).afterRoutes(Module);
    expect(instance.added.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'HEAD /api/a/b',
      'PUT /api/a/b',
      'PATCH /api/a/b',
      'DELETE /api/a/b',
    ]);
    for (const { onRequest, handler } of instance.added) {
      expect(onRequest).toBe(handler);
      onRequest?.('request', RESPONSE);
    }
    expect(answered).toEqual(Array.from({ length: 4 }, () => [RESPONSE, 'method']));
  });

  test('the media type has a parser that passes the stream on, unless the app has one', () => {
    const instance = fastify();
    create('fastify', instance).afterRoutes(Module);
    const [[type, parse] = ['', () => undefined]] = instance.parses;
    expect([type, instance.parses.length]).toEqual(['application/secevent+jwt', 1]);
    let result: unknown[] = [];
    parse('request', 'stream', (...given) => (result = given));
    expect(result).toEqual([null, 'stream']);
    const taken = fastify({ parsers: ['application/secevent+jwt'] });
    create('fastify', taken).afterRoutes(Module);
    expect(taken.parses).toStrictEqual([]);
  });
});
