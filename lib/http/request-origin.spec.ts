import { describe, expect, test } from '@jest/globals';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import type { DpopRequest } from './dpop-request.js';
import { createOriginResolver, type OriginOption } from './request-origin.js';

const REQUEST: DpopRequest = {
  method: 'GET',
  target: '/',
  rawHeaders: ['Host', 'api.example.com'],
  protocol: 'https',
  host: 'api.example.com',
};

interface Case {
  readonly request?: Partial<DpopRequest>;
  readonly allowInsecureHttp?: boolean;
}

function resolve(origin: OriginOption, { request, allowInsecureHttp = false }: Case = {}): unknown {
  try {
    return createOriginResolver(origin, allowInsecureHttp)({ ...REQUEST, ...request });
  } catch (error) {
    return error instanceof DpopError ? [error.reason, error.details] : error;
  }
}

describe('configured origins (C9o)', () => {
  const origins = ['https://a.example/v1', 'https://b.example:8443'];

  test('are those, whatever the request says', () => {
    expect(resolve(origins)).toEqual(origins);
    expect(resolve(origins, { request: { protocol: undefined, host: undefined } })).toEqual(origins);
  });

  test('give way to what the app says of the request itself', () => {
    const baseUrl = 'https://c.example/v2';
    for (const origin of [origins, 'request', () => 'https://x.example'] as const)
      expect(resolve(origin, { request: { baseUrl } })).toEqual([baseUrl]);
  });

  test('are those of the hosts for which the request comes to its route', () => {
    const servesHost = (hostname: string) => hostname === 'b.example';
    expect(resolve(origins, { request: { servesHost } })).toEqual(['https://b.example:8443']);
    expect(resolve(origins, { request: { servesHost: () => false } })).toEqual([
      'proof_htu',
      { detail: 'host', expected: origins },
    ]);
  });
});

describe('the origin of the request, by choice (C9o)', () => {
  test.each<[string, Case]>([
    ['https://api.example.com', {}],
    ['https://api.example.com:8443', { request: { host: 'API.example.com:8443' } }],
    ['http://localhost:3000', { request: { protocol: 'http', host: 'localhost:3000' } }],
    ['http://api.example.com', { request: { protocol: 'http' }, allowInsecureHttp: true }],
    ['https://api.example.com', { request: { rawHeaders: ['X-Name', 'host', 'Host', 'api.example.com'] } }],
    ['https://api.example.com', { request: { rawHeaders: ['Host', 'host'] } }],
  ])('is %s', (expected, given) => {
    expect(resolve('request', given)).toEqual([expected]);
  });

  test.each<[string, string, Partial<DpopRequest>]>([
    ['host_unusable', 'without a host', { host: undefined }],
    ['host_unusable', 'with a path in it', { host: 'api.example.com/v1' }],
    ['host_unusable', 'with a userinfo', { host: 'api@example.com' }],
    ['host_unusable', 'named twice', { rawHeaders: ['Host', 'api.example.com', 'hOST', 'api.example.com'] }],
    ['host_unusable', 'of another protocol', { protocol: 'ftp' }],
    ['https_required', 'of http', { protocol: 'http' }],
  ])('is refused as %s: %s', (reason, _what, request) => {
    expect(resolve('request', { request })).toEqual([reason, {}]);
  });
});

describe('an origin of the app (C9o)', () => {
  test('is told of the request, and in normal form', () => {
    const origin = ({ host }: DpopRequest) => `HTTPS://${host}:443/v1/`;
    expect(resolve(origin)).toEqual(['https://api.example.com/v1']);
  });

  test('may be insecure by option', () => {
    expect(resolve(() => 'http://api.example.com', { allowInsecureHttp: true })).toEqual([
      'http://api.example.com',
    ]);
  });

  test.each([undefined, null, 1, '', 'api.example.com', 'http://api.example.com', 'https://a.example?b'])(
    'cannot be %j: then there is no verdict, and the operator is told why (D8, D9)',
    (value) => {
      const failure = resolve(() => value as string);
      expect(failure).toBeInstanceOf(DpopUnavailableError);
      expect(failure).toMatchObject({
        reason: 'origin_unavailable',
        advice:
          'the function of the option origin must return an https URL, such as "https://api.example.com"',
      });
    },
  );

  test('that fails is the cause of a failure (D8)', () => {
    const cause = new Error('no tenant');
    const failure = resolve(() => {
      throw cause;
    });
    expect(failure).toBeInstanceOf(DpopUnavailableError);
    expect(failure).toMatchObject({ reason: 'origin_unavailable', cause, advice: undefined });
  });
});
