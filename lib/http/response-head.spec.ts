import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { holdForHead } from './response-head.js';
import { dpopResponseHeaders } from './response-headers.js';

const HEADERS = dpopResponseHeaders({ nonce: 'n' });
const createResponse = () => new ServerResponse(new IncomingMessage(new Socket()));

/** A response that takes note of what it is told. */
function createRecorder(headersSent = false) {
  const told: unknown[][] = [];
  const tell =
    (...prefix: unknown[]) =>
    (...values: unknown[]) => {
      told.push([...prefix, ...values]);
    };
  const response = {
    headersSent,
    writeHead: tell('head'),
    getHeader: () => undefined,
    setHeader: tell('set'),
    removeHeader: tell('remove'),
  };
  return { response, told };
}

describe('headers of the response head (D7)', () => {
  test('are written with it, over what the app and its content delivery network have set', () => {
    const response = createResponse();
    holdForHead(response, HEADERS, undefined);
    response.setHeader('Cache-Control', 'public');
    response.setHeader('CDN-Cache-Control', 'max-age=60');
    response.setHeader('Surrogate-Control', 'max-age=60');
    expect(response.hasHeader('DPoP-Nonce')).toBe(false);
    response.writeHead(200);
    expect({ ...response.getHeaders() }).toEqual({
      'dpop-nonce': 'n',
      'cache-control': 'no-store',
      'access-control-expose-headers': 'DPoP-Nonce, WWW-Authenticate',
    });
  });

  test.each([
    [401, true],
    [200, false],
  ])('of a refusal with 401 are written with %i: %s', (status, isWritten) => {
    const response = createResponse();
    holdForHead(response, HEADERS, 401);
    response.writeHead(status);
    expect(response.hasHeader('DPoP-Nonce')).toBe(isWritten);
  });

  test('can be taken back', () => {
    const response = createResponse();
    const takeBack = holdForHead(response, HEADERS, undefined);
    takeBack?.();
    response.writeHead(200);
    expect(takeBack).toBeDefined();
    expect(response.hasHeader('DPoP-Nonce')).toBe(false);
  });

  test('may be held several times, by one response that is told once', () => {
    const response = createResponse();
    holdForHead(response, HEADERS, undefined);
    const { writeHead } = response;
    holdForHead(response, [{ name: 'DPoP-Nonce', value: 'm', merge: false }], undefined);
    expect(response.writeHead).toBe(writeHead);
    response.writeHead(200);
    expect(response.getHeader('DPoP-Nonce')).toBe('m');
    expect(response.getHeader('Cache-Control')).toBe('no-store');
  });

  test('are held by what a framework wraps, and by nothing else', () => {
    const raw = createResponse();
    expect(holdForHead({ raw }, HEADERS, undefined)).toBeDefined();
    raw.writeHead(200);
    expect(raw.hasHeader('DPoP-Nonce')).toBe(true);
    const { response } = createRecorder();
    for (const other of [{}, { raw: null }, { raw: {} }, { ...response, removeHeader: undefined }])
      expect(holdForHead(other, HEADERS, undefined)).toBeUndefined();
  });
});

describe('headers that the app gives with the head (D7)', () => {
  test.each<[string, unknown]>([
    ['an object', { 'Cache-Control': 'public', 'X-One': 'a', 'X-Two': ['b', 'c'] }],
    ['a flat list', ['Cache-Control', 'public', 'X-One', 'a', 'X-Two', 'b', 'x-two', 'c']],
    [
      'pairs',
      [
        ['Cache-Control', 'public'],
        ['X-One', 'a'],
        ['X-Two', 'b'],
        ['x-two', 'c'],
      ],
    ],
    [
      'a list with a name too many',
      ['Cache-Control', 'public', 'X-One', 'a', 'X-Two', 'b', 'X-Two', 'c', 'X-Three'],
    ],
  ])('as %s come first', (_what, given) => {
    const response = createResponse();
    holdForHead(response, HEADERS, undefined);
    response.writeHead(200, 'Fine', given as Record<string, string>);
    expect(response.statusMessage).toBe('Fine');
    expect({ ...response.getHeaders() }).toEqual({
      'x-one': 'a',
      'x-two': ['b', 'c'],
      'dpop-nonce': 'n',
      'cache-control': 'no-store',
      'access-control-expose-headers': 'DPoP-Nonce, WWW-Authenticate',
    });
  });

  test('are handed on once, the phrase alone', () => {
    const { response, told } = createRecorder();
    holdForHead(response, [{ name: 'DPoP-Nonce', value: 'n', merge: false }], undefined);
    response.writeHead(200, 'Fine', { 'X-One': 'a' });
    expect(told).toEqual([
      ['set', 'X-One', 'a'],
      ['set', 'DPoP-Nonce', 'n'],
      ['remove', 'CDN-Cache-Control'],
      ['remove', 'Surrogate-Control'],
      ['head', 200, 'Fine'],
    ]);
  });

  test.each<[string, boolean, number | undefined]>([
    ['no headers are due', false, 401],
    ['the head is gone', true, undefined],
  ])('are left alone where %s', (_where, headersSent, status) => {
    const { response, told } = createRecorder(headersSent);
    holdForHead(response, HEADERS, status);
    response.writeHead(200, 'Fine', { 'X-One': 'a' });
    expect(told).toEqual([['head', 200, 'Fine', { 'X-One': 'a' }]]);
  });
});
