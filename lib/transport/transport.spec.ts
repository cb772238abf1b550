import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { keepHandshake } from './handshake.js';
import { carriesHeaders, transportOf, unknownTransport } from './transport.js';

const contextOf = (type: string, args: readonly unknown[]) =>
  ({ getType: () => type, getArgByIndex: (index: number) => args[index] }) as unknown as ExecutionContext;

const request = new IncomingMessage(new Socket());
const response = new ServerResponse(request);

describe('request and response of an execution context', () => {
  test('of a route are its first two arguments', () => {
    expect(transportOf(contextOf('http', [request, response]))).toEqual({ request, response });
    expect(transportOf(contextOf('http', [request]))).toEqual({ request, response: undefined });
  });

  test.each([[undefined], [null], ['request']])('of a route are none if the request is %j', (other) => {
    expect(transportOf(contextOf('http', [other, response]))).toBeUndefined();
  });

  test.each(['rpc', 'ws', 'other'])('of %s are none', (type) => {
    expect(
      transportOf(contextOf(type, [request, response, { req: request, res: response }])),
    ).toBeUndefined();
  });

  test('of a message on a socket are those of its handshake (J1)', () => {
    const socket = {};
    const toException = () => new Error('refused');
    keepHandshake(socket, request, toException);
    expect(transportOf(contextOf('ws', [socket]))).toEqual({ request, response: undefined, toException });
    for (const type of ['rpc', 'graphql', 'other'])
      expect(transportOf(contextOf(type, [socket]))).toBeUndefined();
  });

  test('of a call of an MCP server are the HTTP request that its context tells, and no response', () => {
    const context = { getRawRequest: () => request };
    expect(transportOf(contextOf('rpc', [{}, context]))).toEqual({ request, response: undefined });
    for (const type of ['ws', 'graphql', 'other'])
      expect(transportOf(contextOf(type, [{}, context]))).toBeUndefined();
  });

  test.each([
    [undefined],
    [null],
    ['context'],
    [{}],
    [{ getRawRequest: request }],
    [{ getRawRequest: () => undefined }],
    [{ getRawRequest: () => null }],
    [{ getRawRequest: () => 'request' }],
    [{ getRawRequest: () => ({ method: 'GET', url: '/', rawHeaders: [] }) }],
  ])('of a message are none with the context %p', (context) => {
    expect(transportOf(contextOf('rpc', [{}, context]))).toBeUndefined();
  });

  describe('of a GraphQL resolver are those of its context', () => {
    const withResponse = Object.assign(new IncomingMessage(new Socket()), { res: response });
    const reply = { request };
    const handshake = { extra: { request } };
    const other = new ServerResponse(request);

    test.each<[string, unknown, ReturnType<typeof transportOf>]>([
      ['req and res', { req: request, res: response }, { request, response }],
      ['req, and the response in it', { req: withResponse }, { request: withResponse, response }],
      [
        'res before the response in req',
        { req: withResponse, res: other },
        { request: withResponse, response: other },
      ],
      ['req alone', { req: request }, { request, response: undefined }],
      ['request', { request }, { request, response: undefined }],
      [
        'req before request and reply',
        { req: request, request: {}, reply: { request: {} } },
        { request, response: { request: {} } },
      ],
      ['request before reply', { request, reply: { request: {} } }, { request, response: { request: {} } }],
      ['reply', { reply }, { request, response: reply }],
      ['res before reply', { reply, res: response }, { request, response }],
      ['the handshake of a subscription', { req: handshake }, { request, response: undefined }],
      [
        'the handshake with its response',
        { req: { extra: { request: withResponse } } },
        { request: withResponse, response },
      ],
      ['a handshake that a client wrote', { req: { extra: { request: {} } } }, undefined],
      [
        'extra of a request of Node',
        { req: Object.assign(request, { extra: undefined }) },
        { request, response: undefined },
      ],
    ])('%s', (_what, graphql, expected) => {
      const transport = transportOf(contextOf('graphql', [undefined, undefined, graphql]));
      if (expected !== undefined) {
        expect(transport?.request).toBe(expected.request);
        expect(transport?.response).toEqual(expected.response);
      } else expect(transport).toEqual({ request: { extra: { request: {} } }, response: undefined });
    });

    test.each([
      [undefined],
      [null],
      ['context'],
      [{}],
      [{ reply: 'text' }],
      [{ reply: null }],
      [{ req: 'text' }],
    ])('and none if the context is %j', (graphql) => {
      expect(transportOf(contextOf('graphql', [request, response, graphql]))).toBeUndefined();
    });

    test('and not what middleware keeps in extra of a request of Node', () => {
      const own = Object.assign(new IncomingMessage(new Socket()), { extra: { request } });
      expect(transportOf(contextOf('graphql', [0, 0, { req: own }]))?.request).toBe(own);
    });

    test.each([[{ extra: 'text' }], [{ extra: null }], [{ extra: {} }], [{ extra: { request: null } }]])(
      'and req itself if it is %j',
      (req) => {
        expect(transportOf(contextOf('graphql', [0, 0, { req }]))?.request).toBe(req);
      },
    );
  });
});

test.each([
  [{ setHeader: () => undefined }, true],
  [{ header: () => undefined }, true],
  [{ header: 'text' }, false],
  [{ setHeaders: () => undefined }, false],
  [{}, false],
])('a response carries headers if it can set them: %p', (given, expected) => {
  expect(carriesHeaders(given)).toBe(expected);
});

test('an unknown transport is a failure that says what would be known', () => {
  expect(unknownTransport()).toMatchObject({
    status: 503,
    reason: 'transport_unknown',
    advice: expect.stringMatching(
      /^DpopGuard takes only HTTP requests of Node, Express and Fastify.*DpopMessageGuard.*DpopWsAdapter or DpopIoAdapter.*override getRequest and getDpopRequest$/,
    ) as unknown,
  });
});
