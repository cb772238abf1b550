import { describe, expect, test } from '@jest/globals';
import type { Fetch } from '../outbound/outbound-request.js';
import { discoverEndpoint, discoverTrustedEndpoint, type Endpoint } from './issuer-metadata.js';

const ISSUER = 'https://auth.test';
const RFC8414 = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';

const serving =
  (documents: Readonly<Record<string, unknown>>): Fetch =>
  (url) => {
    const document = documents[new URL(url).pathname];
    return Promise.resolve(
      document === undefined
        ? new Response('', { status: 404 })
        : new Response(JSON.stringify(document), { status: 200 }),
    );
  };

async function failureOf(
  documents: Readonly<Record<string, unknown>>,
  endpoint: Endpoint = 'jwks_uri',
  discover: typeof discoverEndpoint | typeof discoverTrustedEndpoint = discoverEndpoint,
  issuer = ISSUER,
): Promise<unknown> {
  const { signal } = new AbortController();
  return await discover(issuer, endpoint, signal, serving(documents)).catch((error: unknown) =>
    error instanceof Error ? error.message : error,
  );
}

const nowhere = (first: string, endpoint = 'jwksUri'): string =>
  `no usable metadata of the issuer ${ISSUER} (${RFC8414}: ${first}; ${OPENID}: status 404); correct the issuer, or set ${endpoint}`;

describe('what is wrong with the metadata of an issuer (B1, D9)', () => {
  test.each<[string, unknown, string]>([
    ['a list', [], 'not a JSON object'],
    ['null', null, 'not a JSON object'],
    ['no issuer', {}, 'its issuer is not the configured one but missing'],
    ['an issuer that is no text', { issuer: 7 }, 'its issuer is not the configured one but of type number'],
    [
      'another issuer',
      { issuer: 'https://x.test' },
      'its issuer is not the configured one but "https://x.test"',
    ],
    [
      'an issuer with other characters',
      { issuer: 'a"\u00e9\u2028\n' },
      String.raw`its issuer is not the configured one but "a\"\u00e9\u2028\n"`,
    ],
    [
      'an issuer of 200 characters',
      { issuer: 'a'.repeat(200) },
      `its issuer is not the configured one but "${'a'.repeat(200)}"`,
    ],
    [
      'a longer issuer',
      { issuer: 'a'.repeat(201) },
      `its issuer is not the configured one but "${'a'.repeat(200)}\\u2026"`,
    ],
    ['no endpoint', { issuer: ISSUER }, 'it has no jwks_uri'],
    ['an endpoint that is no text', { issuer: ISSUER, jwks_uri: [ISSUER] }, 'it has no jwks_uri'],
  ])('is told: %s', async (_what, document, words) => {
    expect(await failureOf({ [RFC8414]: document })).toBe(nowhere(words));
  });

  test('is told with the option that replaces the endpoint', async () => {
    expect(await failureOf({ [RFC8414]: { issuer: ISSUER } }, 'introspection_endpoint')).toBe(
      nowhere('it has no introspection_endpoint', 'endpoint'),
    );
  });

  test('ends the search if it is no failure of the request', async () => {
    const failing: Fetch = () => Promise.reject(new Error('x'));
    const controller = new AbortController();
    const reason = new Error('enough');
    const aborting: Fetch = () => {
      controller.abort(reason);
      return Promise.reject(reason);
    };
    await expect(discoverEndpoint(ISSUER, 'jwks_uri', controller.signal, aborting)).rejects.toBe(reason);
    await expect(
      discoverEndpoint(ISSUER, 'jwks_uri', new AbortController().signal, failing, () => {
        throw new TypeError('no places');
      }),
    ).rejects.toThrow(new TypeError('no places'));
  });
});

describe('an endpoint that an eavesdropper could read (B1)', () => {
  const naming = (issuer: string, uri: string) => ({
    [RFC8414]: { issuer, jwks_uri: uri, introspection_endpoint: uri },
  });

  test.each<[Endpoint, string]>([
    [
      'jwks_uri',
      `the issuer ${ISSUER} names a jwks_uri that is not https; correct its metadata, or set jwksUri`,
    ],
    [
      'introspection_endpoint',
      `the issuer ${ISSUER} names an introspection_endpoint that is not https; correct its metadata, or set endpoint`,
    ],
  ])('is not used: %s', async (endpoint, message) => {
    const discover = discoverTrustedEndpoint;
    const plain = naming(ISSUER, 'http://auth.test/x');
    expect(await failureOf(plain, endpoint, discover)).toBe(message);
    const secure = await failureOf(naming(ISSUER, 'https://auth.test/x'), endpoint, discover);
    expect(secure).toEqual(new URL('https://auth.test/x'));
    const loopback = await failureOf(naming(ISSUER, 'http://127.0.0.1/x'), endpoint, discover);
    expect(loopback).toEqual(new URL('http://127.0.0.1/x'));
  });

  test('is used if its issuer is no better', async () => {
    const issuer = 'http://keycloak:8080';
    const plain = naming(issuer, 'http://keycloak:8080/x');
    expect(await failureOf(plain, 'jwks_uri', discoverTrustedEndpoint, issuer)).toEqual(
      new URL('http://keycloak:8080/x'),
    );
  });
});
