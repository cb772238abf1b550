import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { DpopError } from '../errors/dpop.error.js';
import { createTestVerdict, type TestVerdictOptions } from '../testing/test-verdict.js';
import { leaveVerdict, recordOf } from '../verification/request-record.js';
import { createUnenforcedVerdict, createVerdict } from '../verification/verdict.js';
import { McpSessions } from './mcp-sessions.js';

let lines: string[];
const ignore = () => undefined;

beforeEach(() => {
  lines = [];
});
Logger.overrideLogger({
  log: ignore,
  warn: ignore,
  error: (text, ...rest) => void lines.push(`[${String(rest.at(-1))}] ${String(text)}`),
});

const METHODS = ['handlePost', 'handleGet', 'handleDelete'] as const;

function createEndpoint() {
  const sessions = new McpSessions();
  const ran: unknown[][] = [];
  let id = '';
  const httpHandlers = Object.fromEntries(
    METHODS.map((name) => [
      name,
      (request: unknown, response: unknown) => {
        id = sessions.createId();
        ran.push([name, request, response]);
      },
    ]),
  ) as Record<(typeof METHODS)[number], () => void>;
  const bound = sessions.bind({ httpHandlers }).httpHandlers;
  /** Opens a session, and resolves to its id. */
  const open = async (request: object): Promise<string> => {
    await bound.handlePost(request, {});
    return id;
  };
  return { sessions, ran, bound, open };
}

function requestOf(sessionId?: string): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  if (sessionId !== undefined) request.headers['mcp-session-id'] = sessionId;
  return request;
}

type Caller = (request: IncomingMessage) => void;
const as =
  (options: TestVerdictOptions = {}): Caller =>
  (request) =>
    leaveVerdict(request, createTestVerdict(options));
const asUnbound =
  (token: string): Caller =>
  (request) =>
    leaveVerdict(
      request,
      createVerdict('Bearer', token, Object.freeze({ sub: 'user' }), undefined, undefined),
    );
const asUnverified: Caller = (request) =>
  leaveVerdict(request, createUnenforcedVerdict(new DpopError('credentials_missing')));
const asNobody: Caller = (request) => {
  recordOf(request).isAnonymous = true;
};

function callOf(caller: Caller, sessionId?: string): IncomingMessage {
  const request = requestOf(sessionId);
  caller(request);
  return request;
}

const NOT_FOUND = {
  status: 404,
  response: { jsonrpc: '2.0', error: { code: -32_001, message: 'Session not found' }, id: null },
};

describe('a session (D8)', () => {
  test('has an id that is new each time, with a seal', async () => {
    const { open } = createEndpoint();
    const id = await open(callOf(as()));
    expect(id).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}\.[\w-]{43}$/);
    expect(await open(callOf(as()))).not.toBe(id);
  });

  test('serves its owner by each method, with another token of the same key, too', async () => {
    const { open, bound, ran } = createEndpoint();
    const id = await open(callOf(as({ token: 'first' })));
    ran.length = 0;
    const calls: unknown[][] = [];
    for (const name of METHODS) {
      const [request, response] = [callOf(as({ token: 'second' }), id), {}];
      await bound[name](request, response);
      calls.push([name, request, response]);
    }
    expect(ran).toEqual(calls);
    for (const [index, call] of calls.entries()) expect(ran[index]?.[1]).toBe(call[1]);
  });

  const strangers: readonly (readonly [string, Caller])[] = [
    ['another issuer', as({ issuer: 'https://other.test' })],
    ['another subject', as({ subject: 'other' })],
    ['another client', as({ clientId: 'other' })],
    ['another key', as({ jkt: 'other' })],
    ['an unbound token', asUnbound('token')],
    ['nobody', asNobody],
  ];

  test.each(strangers)('is not found by %s, as one that does not exist', async (_name, stranger) => {
    const { open, bound, ran } = createEndpoint();
    const id = await open(callOf(as()));
    ran.length = 0;
    for (const name of METHODS)
      await expect(bound[name](callOf(stranger, id), {})).rejects.toMatchObject(NOT_FOUND);
    expect(ran).toStrictEqual([]);
    await bound.handlePost(callOf(as(), id), {});
    expect(ran).toHaveLength(1);
  });

  test.each<readonly [string, (id: string) => string]>([
    ['its id cut', (id) => id.slice(0, -1)],
    ['its seal changed', (id) => id.slice(0, -2) + (id.endsWith('AA') ? 'BB' : 'AA')],
    ['the seal of another id', (id) => `x${id}`],
    ['no seal', (id) => id.slice(0, id.indexOf('.'))],
    ['two ids', (id) => `${id}, ${id}`],
    ['nothing', () => ''],
  ])('is not found by %s', async (_name, change) => {
    const { open, bound } = createEndpoint();
    const id = await open(callOf(as()));
    await expect(bound.handlePost(callOf(as(), change(id)), {})).rejects.toMatchObject(NOT_FOUND);
  });

  test('is not found by its owner in another process', async () => {
    const id = await createEndpoint().open(callOf(as()));
    const { bound } = createEndpoint();
    await expect(bound.handlePost(callOf(as(), id), {})).rejects.toMatchObject(NOT_FOUND);
  });

  test('of an unbound token belongs to that token', async () => {
    const { open, bound } = createEndpoint();
    const id = await open(callOf(asUnbound('token')));
    await expect(bound.handlePost(callOf(asUnbound('token'), id), {})).resolves.toBeUndefined();
    await expect(bound.handlePost(callOf(asUnbound('other'), id), {})).rejects.toMatchObject(NOT_FOUND);
  });

  test('of nobody belongs to nobody', async () => {
    const { open, bound } = createEndpoint();
    const id = await open(callOf(asNobody));
    await expect(bound.handlePost(callOf(asNobody, id), {})).resolves.toBeUndefined();
    await expect(bound.handlePost(callOf(as(), id), {})).rejects.toMatchObject(NOT_FOUND);
  });

  test('is tied to no client that was not verified, and such a client enters each (K1)', async () => {
    const { open, bound } = createEndpoint();
    const ofUnverified = await open(callOf(asUnverified));
    const ofOwner = await open(callOf(as()));
    for (const [caller, id] of [
      [asUnverified, ofUnverified],
      [asUnverified, ofOwner],
      [as(), ofUnverified],
    ] as const)
      await expect(bound.handlePost(callOf(caller, id), {})).resolves.toBeUndefined();
  });

  test('opens for a request of another kind, which has no id', async () => {
    const { open } = createEndpoint();
    const request = { headers: { 'mcp-session-id': 'x' } };
    leaveVerdict(request, createTestVerdict());
    expect(await open(request)).toMatch(/\./);
  });
});

test('an id is made within a request to the bound endpoint alone', () => {
  expect(() => new McpSessions().createId()).toThrow(
    new TypeError(
      'McpSessions.createId must be called by a transport whose controller is made of McpSessions.bind(transport)',
    ),
  );
});

test('an endpoint without a guard answers 503, and the log says what to do (D8, D9)', async () => {
  const { bound, ran } = createEndpoint();
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  await expect(bound.handlePost({}, response)).rejects.toMatchObject({ status: 503 });
  expect({ ...response.writeHead(503).getHeaders() }).toMatchObject({ 'retry-after': '1' });
  for (const request of [undefined, 'request']) {
    await expect(bound.handlePost(request, undefined)).rejects.toMatchObject({ status: 503 });
  }
  const line =
    '[McpSessions] answered 503: verdict_missing; put @UseGuards(DpopMcpGuard) on the controller of the MCP endpoint';
  expect(lines).toEqual([line, line, line]);
  expect(ran).toStrictEqual([]);
});
