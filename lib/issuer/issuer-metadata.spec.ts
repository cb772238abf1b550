import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { createIssuerKeys } from './issuer-keys.js';
import { discoverEndpoint } from './issuer-metadata.js';

const RFC8414 = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';

describe('the metadata of an issuer (B1)', () => {
  let server: Server;
  let origin: string;
  let asked: string[];
  let answer: RequestListener;

  beforeAll(async () => {
    server = createServer((request, response) => {
      asked.push(request.url ?? '');
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  beforeEach(() => {
    asked = [];
  });

  /** Serves these documents, by path; a string is served as a page. */
  function serve(documents: Readonly<Record<string, object | string | null>>): void {
    answer = ({ url = '' }, response) => {
      const document = documents[url];
      response.statusCode = document === undefined ? 404 : 200;
      response.end(typeof document === 'string' ? document : JSON.stringify(document ?? null));
    };
  }

  const discover = (issuer: string) => discoverEndpoint(issuer, 'jwks_uri', new AbortController().signal);

  test.each([
    ['', RFC8414, OPENID],
    ['/', RFC8414, OPENID],
    ['/tenant', `${RFC8414}/tenant`, `/tenant${OPENID}`],
    ['/tenant/', `${RFC8414}/tenant`, `/tenant${OPENID}`],
    ['/a/b%20c', `${RFC8414}/a/b%20c`, `/a/b%20c${OPENID}`],
  ])(
    'of an issuer with the path "%s" is looked for where RFC 8414 has it, then OpenID',
    async (path, first, second) => {
      const issuer = origin + path;
      const document = { issuer, jwks_uri: `${origin}/keys` };
      serve({ [first]: document });
      expect(await discover(issuer)).toBe(`${origin}/keys`);
      expect(asked).toEqual([first]);
      serve({ [second]: document });
      expect(await discover(issuer)).toBe(`${origin}/keys`);
      expect(asked).toEqual([first, first, second]);
    },
  );

  test.each([
    ['speaks for another issuer', { issuer: 'https://evil.example', jwks_uri: 'https://evil.example/keys' }],
    ['speaks for no issuer', { jwks_uri: 'https://evil.example/keys' }],
    ['names no keys', { issuer: 'SELF' }],
    ['names keys by no string', { issuer: 'SELF', jwks_uri: 7 }],
    ['is null', null],
    ['is a list', []],
    ['is a page', '<!doctype html><title>Welcome</title>'],
    ['is empty', ''],
  ])('is not used when it %s, and the next location is', async (_what, document) => {
    const wrong = JSON.parse(JSON.stringify(document).replace('SELF', origin)) as object | string | null;
    serve({ [RFC8414]: wrong, [OPENID]: { issuer: origin, jwks_uri: `${origin}/keys` } });
    expect(await discover(origin)).toBe(`${origin}/keys`);
    serve({ [RFC8414]: wrong, [OPENID]: wrong });
    await expect(discover(origin)).rejects.toThrow(/no usable metadata/);
  });

  test('is compared with the issuer as it is, slash and all', async () => {
    serve({ [RFC8414]: { issuer: `${origin}/`, jwks_uri: `${origin}/keys` } });
    await expect(discover(origin)).rejects.toThrow(/its issuer is not the configured one/);
    expect(await discover(`${origin}/`)).toBe(`${origin}/keys`);
  });

  test('is not looked for where a redirect points', async () => {
    answer = (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end();
    await expect(discover(origin)).rejects.toThrow(/status 302/);
    expect(asked).toEqual([RFC8414, OPENID]);
  });

  test('is not waited for any longer than allowed', async () => {
    const patience = new AbortController();
    answer = () => patience.abort();
    await expect(discoverEndpoint(origin, 'jwks_uri', patience.signal)).rejects.toMatchObject({
      name: 'AbortError',
    });
  });

  test.each([(issuer: string) => issuer, (issuer: string) => issuer.replace('http', 'HTTP')])(
    'may not lead from a secure issuer to keys over plain http, however its scheme is written (A1)',
    async (spell) => {
      const issuer = spell(origin);
      serve({ [RFC8414]: { issuer, jwks_uri: 'http://issuer.invalid/keys' } });
      const keys = createIssuerKeys({ issuer, audience: 'a' }, Date.now);
      const outcome = await Promise.resolve(
        keys.find({ alg: 'ES256', kid: 'k' }, { payload: '', signature: '' }),
      ).catch((error: unknown) => error);
      expect(outcome).toBeInstanceOf(DpopUnavailableError);
      expect((outcome as Error).cause).toMatchObject({ message: expect.stringContaining('not https') });
      expect(keys.generation()).toBeUndefined();
    },
  );

  test('for a second after a failure, no request waits for another attempt (B8)', async () => {
    let now = 1_700_000_000_000;
    answer = (_request, response) => response.writeHead(500).end();
    const keys = createIssuerKeys({ issuer: origin, audience: 'a' }, () => now);
    const attempt = () =>
      Promise.resolve(keys.find({ alg: 'ES256', kid: 'k' }, { payload: '', signature: '' })).catch(
        (error: unknown) => error,
      );
    expect(await attempt()).toMatchObject({
      reason: 'issuer_unavailable',
      status: 503,
      retryAfterSeconds: 1,
    });
    expect(asked).toHaveLength(2);
    now += 999;
    expect(await attempt()).toMatchObject({ reason: 'issuer_unavailable' });
    expect(asked).toHaveLength(2);
    now += 1;
    await attempt();
    expect(asked).toHaveLength(4);
  });
});
