import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { fetchJson } from './fetch-json.js';
import { MAX_DOCUMENT_BYTES, OutboundError } from './outbound-request.js';
import { withTimeLimit } from './time-limit.js';

const NEVER = new AbortController().signal;

const limitOf = (timeoutMs: number) => ({ option: 'fetchTimeoutMs', timeoutMs });

describe('a document of an issuer (B1)', () => {
  let server: Server;
  let origin: string;
  let answer: RequestListener;

  beforeAll(async () => {
    server = createServer((request, response) => answer(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  const get = (path = '/', signal = NEVER) => fetchJson(new URL(path, origin), signal);
  const failureOf = (path?: string, signal?: AbortSignal) =>
    get(path, signal).catch((error: unknown) => error);

  test('is what the issuer sends as JSON, and JSON is asked for', async () => {
    const asked: unknown[] = [];
    answer = (request, response) => {
      asked.push(request.url, request.headers.accept);
      response.end('{"keys":["\u00e9"]}');
    };
    expect(await get('/keys?a=b')).toEqual({ keys: ['\u00e9'] });
    expect(asked).toEqual(['/keys?a=b', 'application/json, application/jwk-set+json']);
  });

  test.each([201, 204, 301, 302, 404, 500])('is not taken with status %i', async (status) => {
    answer = (_request, response) => {
      response.writeHead(status, { location: '/elsewhere' }).end(status === 204 ? undefined : '{}');
    };
    const failure = await failureOf();
    expect(failure).toBeInstanceOf(OutboundError);
    expect(failure).toMatchObject({ name: 'OutboundError', message: `status ${status}` });
  });

  test('has at most one MiB, in however many pieces it comes', async () => {
    const text = JSON.stringify('x'.repeat(MAX_DOCUMENT_BYTES - 2));
    expect(MAX_DOCUMENT_BYTES).toBe(1024 * 1024);
    answer = (_request, response) => response.end(text);
    expect(await get()).toHaveLength(MAX_DOCUMENT_BYTES - 2);
    answer = (_request, response) => response.end(`${text} `);
    expect(await failureOf()).toMatchObject({ message: 'larger than 1 MiB' });
  });

  test.each(['', '<html>', '{"keys":'])('is JSON, and not %j', async (text) => {
    answer = (_request, response) => response.end(text);
    expect(await failureOf()).toMatchObject({ name: 'OutboundError', message: 'not a JSON object' });
  });

  test('cannot be reached: the code says why, and nothing else of the error does', async () => {
    answer = (request) => request.socket.destroy();
    expect(await failureOf()).toMatchObject({ message: 'cannot be reached (UND_ERR_SOCKET)' });
    await expect(fetchJson(new URL('http://127.0.0.1:1/'), NEVER)).rejects.toMatchObject({
      name: 'OutboundError',
      message: expect.stringMatching(/^cannot be reached( \([A-Z][A-Z\d_]+\))?$/) as unknown,
      cause: expect.anything() as unknown,
    });
  });

  test.each([
    ['ECONNREFUSED', ' (ECONNREFUSED)'],
    ['E2', ' (E2)'],
    [`E${'X'.repeat(40)}`, ` (E${'X'.repeat(40)})`],
    [`E${'X'.repeat(41)}`, ''],
    ['E', ''],
    ['2E', ''],
    ['a secret', ''],
    ['ECONN\nx', ''],
    ['xECONN', ''],
    [7, ''],
    [undefined, ''],
  ])('has of the code %j what is shaped like one', async (code, shown) => {
    const { fetch } = globalThis;
    const failing = (cause: unknown) => () => Promise.reject(new Error('quoted', { cause }));
    try {
      globalThis.fetch = failing({ code });
      expect(await failureOf()).toMatchObject({ message: `cannot be reached${shown}` });
      globalThis.fetch = failing(undefined);
      expect(await failureOf()).toMatchObject({ message: 'cannot be reached' });
    } finally {
      globalThis.fetch = fetch;
    }
  });

  test('is not waited for once the signal has ended the fetch, and its reason is the error', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    answer = () => controller.abort(reason);
    expect(await failureOf('/', controller.signal)).toBe(reason);
  });
});

describe('a time limit for work (B8)', () => {
  const abortedBy = (signal: AbortSignal) =>
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });

  test('lets work in time have its outcome', async () => {
    const shutdown = new AbortController().signal;
    expect(await withTimeLimit(limitOf(60_000), shutdown, () => Promise.resolve(7))).toBe(7);
    const error = new Error('failed');
    await expect(withTimeLimit(limitOf(60_000), shutdown, () => Promise.reject(error))).rejects.toBe(error);
  });

  test('aborts work that is late, and says after how long', async () => {
    await expect(withTimeLimit(limitOf(5), NEVER, abortedBy)).rejects.toMatchObject({
      name: 'OutboundError',
      message: 'no answer within fetchTimeoutMs, 5 ms',
    });
    const shutdown = new AbortController();
    const ended = withTimeLimit(limitOf(60_000), shutdown.signal, abortedBy).catch((error: unknown) => error);
    shutdown.abort();
    expect(await ended).toMatchObject({ name: 'OutboundError', message: 'the service shuts down' });
  });

  test('begins no work after the shutdown', async () => {
    let hasBegun = false;
    const work = () => {
      hasBegun = true;
      return Promise.resolve();
    };
    await expect(withTimeLimit(limitOf(60_000), AbortSignal.abort(), work)).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(hasBegun).toBe(false);
  });

  test('keeps no process alive', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    await withTimeLimit(limitOf(60_000), NEVER, () => {
      expect(timers()).toBe(before);
      return Promise.resolve();
    });
  });

  test('leaves no timer and no listener behind', async () => {
    const listeners = new Map<unknown, string>();
    const shutdown = {
      throwIfAborted: () => undefined,
      addEventListener: (type: string, listener: unknown) => listeners.set(listener, type),
      removeEventListener: (type: string, listener: unknown) =>
        listeners.get(listener) === type && listeners.delete(listener),
    } as unknown as AbortSignal;
    let given: AbortSignal | undefined;
    await withTimeLimit(limitOf(1), shutdown, (signal) => {
      given = signal;
      expect(listeners.size).toBe(1);
      return Promise.resolve();
    });
    expect(listeners.size).toBe(0);
    // A later time limit comes to its end. That of the work has not come to its own.
    await withTimeLimit(limitOf(5), NEVER, abortedBy).catch(() => undefined);
    expect(given?.aborted).toBe(false);
  });
});
