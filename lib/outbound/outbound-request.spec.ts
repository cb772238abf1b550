import { describe, expect, test } from '@jest/globals';
import { fetchJson } from './fetch-json.js';
import { type Fetch, MAX_DOCUMENT_BYTES } from './outbound-request.js';
import { withTimeLimit } from './time-limit.js';

const URL_OF_DOCUMENT = new URL('https://auth.example.com/jwks');
const SECRET = 'the secret of the app';

function read(fetcher: Fetch, signal = new AbortController().signal): Promise<unknown> {
  return fetchJson(URL_OF_DOCUMENT, signal, fetcher);
}

const answering = (body: string, init?: ResponseInit): Fetch => {
  return () => Promise.resolve(new Response(body, init));
};

describe('the fetch of the app (B8)', () => {
  test('gets the URL, and is asked for JSON without redirects', async () => {
    const asked: unknown[] = [];
    const fetcher: Fetch = (url, { redirect, headers }) => {
      asked.push(url, redirect, new Headers(headers).get('accept'));
      return Promise.resolve(new Response('{"keys":[]}'));
    };
    expect(await read(fetcher)).toEqual({ keys: [] });
    expect(asked).toEqual([
      'https://auth.example.com/jwks',
      'manual',
      'application/json, application/jwk-set+json',
    ]);
  });

  test.each(['{"keys":[]}', null])(
    'a redirect that it followed is refused, with the body %j',
    async (body) => {
      const fetcher: Fetch = () =>
        Promise.resolve(Object.defineProperty(new Response(body), 'redirected', { value: true }));
      await expect(read(fetcher)).rejects.toMatchObject({
        name: 'OutboundError',
        message: expect.stringContaining('followed a redirect'),
      });
    },
  );

  test.each([
    ['another status', answering('{}', { status: 201 }), 'status 201'],
    ['a redirect', answering('', { status: 302, headers: { location: 'https://evil.test' } }), 'status 302'],
    ['no JSON', answering('<html>'), 'not a JSON object'],
    ['more than 1 MiB', answering(' '.repeat(MAX_DOCUMENT_BYTES + 1)), 'larger than 1 MiB'],
    ['an error', () => Promise.reject(new Error(SECRET)), /^cannot be reached$/],
    ['no error at all', () => Promise.reject(undefined as never), /^cannot be reached$/],
    [
      'an error with a code',
      () => Promise.reject(new TypeError(SECRET, { cause: { code: 'ECONNREFUSED' } })),
      /^cannot be reached \(ECONNREFUSED\)$/,
    ],
    [
      'an error with an odd code',
      () => Promise.reject(new TypeError(SECRET, { cause: { code: `A\n${SECRET}` } })),
      /^cannot be reached$/,
    ],
    [
      'an error with a code that is no text',
      () => Promise.reject(new TypeError(SECRET, { cause: { code: ['ECONNREFUSED'] } })),
      /^cannot be reached$/,
    ],
    [
      'an error while the body is read',
      () => Promise.resolve(new Response(new ReadableStream({ pull: (stream) => stream.error(SECRET) }))),
      /^cannot be reached$/,
    ],
  ] as const)('%s is told in words of the library', async (_what, fetcher, message) => {
    const failure = await read(fetcher).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'OutboundError' });
    expect((failure as Error).message).toMatch(message);
    expect((failure as Error).message).not.toContain(SECRET);
  });

  test('an error while the body is read is the cause', async () => {
    const cause = new Error(SECRET);
    const body = new ReadableStream({ pull: (stream) => stream.error(cause) });
    await expect(read(() => Promise.resolve(new Response(body)))).rejects.toMatchObject({ cause });
  });

  test('the reason of the signal is what ends the reading of the body', async () => {
    const controller = new AbortController();
    const body = new ReadableStream({
      pull: (stream) => {
        controller.abort(new Error('shutdown'));
        stream.error(new Error(SECRET));
      },
    });
    const reading = read(() => Promise.resolve(new Response(body)), controller.signal);
    await expect(reading).rejects.toThrow('shutdown');
  });

  test('a document of exactly 1 MiB is read', async () => {
    expect(await read(answering('{}'.padEnd(MAX_DOCUMENT_BYTES, ' ')))).toEqual({});
  });

  test('the reason of the signal is what ends it', async () => {
    const controller = new AbortController();
    const fetcher: Fetch = (_url, { signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(new Error(SECRET)));
        controller.abort(new Error('shutdown'));
      });
    await expect(read(fetcher, controller.signal)).rejects.toThrow('shutdown');
  });
});

describe('a time limit (B8)', () => {
  const never = (signal: AbortSignal) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  const limit = { option: 'fetchTimeoutMs', timeoutMs: 1 };

  test('names its option', async () => {
    const { signal } = new AbortController();
    await expect(withTimeLimit(limit, signal, never)).rejects.toMatchObject({
      name: 'OutboundError',
      message: 'no answer within fetchTimeoutMs, 1 ms',
    });
  });

  test('a shutdown ends the work, and begins none', async () => {
    const shutdown = new AbortController();
    const long = { ...limit, timeoutMs: 60_000 };
    const running = withTimeLimit(long, shutdown.signal, never);
    shutdown.abort(new Error('over'));
    await expect(running).rejects.toThrow('the service shuts down');
    await expect(withTimeLimit(long, shutdown.signal, never)).rejects.toThrow('over');
  });

  test('passes on what the work returns and throws', async () => {
    const { signal } = new AbortController();
    expect(await withTimeLimit(limit, signal, () => Promise.resolve('done'))).toBe('done');
    await expect(withTimeLimit(limit, signal, () => Promise.reject(new Error('own')))).rejects.toThrow('own');
  });
});
