import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import {
  type CryptoKey,
  decodeProtectedHeader,
  generateKeyPair,
  type JWTVerifyResult,
  jwtVerify,
} from 'jose';
import { parseClient } from './client-authentication.js';
import type { IntrospectionClient } from './introspection-options.js';

const CLIENT_FORM =
  'must be the client of this service at the issuer: { id, secret } or { id, privateKey }, see "Introspection" in the documentation';
const ISSUER = 'https://auth.test';

const parse = (client: unknown) => parseClient(client as IntrospectionClient, 'client');

function messageOf(client: unknown): string {
  try {
    parse(client);
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as TypeError).message;
  }
  return 'accepted';
}

/** What a client sends: the header `Authorization` and the body. */
async function sentBy(client: unknown): Promise<{ authorization: string | null; body: URLSearchParams }> {
  const { clientId, ready } = parse(client);
  const headers = new Headers();
  const body = new URLSearchParams();
  await (
    await ready()
  )({ issuer: ISSUER }, { client_id: clientId }, body, headers);
  return { authorization: headers.get('authorization'), body };
}

describe('a client with a secret (B7)', () => {
  test('sends it in the header by default', async () => {
    for (const method of [undefined, 'client_secret_basic']) {
      const { authorization, body } = await sentBy({ id: 'api', secret: 'a b', method });
      expect(authorization).toBe(`Basic ${btoa('api:a+b')}`);
      expect(body.size).toBe(0);
    }
  });

  test('sends it in the body by option', async () => {
    const { authorization, body } = await sentBy({
      id: 'api',
      secret: 'a b',
      method: 'client_secret_post',
    });
    expect(authorization).toBeNull();
    expect(Object.fromEntries(body)).toEqual({ client_id: 'api', client_secret: 'a b' });
  });
});

describe('a client with a private key (B7)', () => {
  async function assertionOf(client: object, publicKey: CryptoKey | KeyObject): Promise<JWTVerifyResult> {
    const { authorization, body } = await sentBy({ id: 'api', ...client });
    expect(authorization).toBeNull();
    expect(body.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    return await jwtVerify(body.get('client_assertion') ?? '', publicKey);
  }

  test('signs an assertion for the issuer', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const { payload, protectedHeader } = await assertionOf({ privateKey }, publicKey);
    expect(payload).toMatchObject({ iss: 'api', sub: 'api', aud: ISSUER });
    expect(protectedHeader).toEqual({ alg: 'ES256' });
  });

  test('names the kid, if it has one', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES384');
    const { protectedHeader } = await assertionOf({ privateKey, kid: 'one' }, publicKey);
    expect(protectedHeader).toEqual({ alg: 'ES384', kid: 'one' });
  });

  test('signs by the algorithm of the option', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwk = privateKey.export({ format: 'jwk' });
    const { protectedHeader } = await assertionOf({ privateKey: jwk, algorithm: 'PS384' }, publicKey);
    expect(protectedHeader).toEqual({ alg: 'PS384' });
  });

  test.each(['Ed25519', 'EdDSA'])('calls its algorithm %s as the option does', async (algorithm) => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const { body } = await sentBy({ id: 'api', privateKey: pem, algorithm });
    expect(decodeProtectedHeader(body.get('client_assertion') ?? '')).toEqual({ alg: algorithm });
  });

  test('imports the key once', async () => {
    const { privateKey } = await generateKeyPair('ES256');
    const { ready } = parse({ id: 'api', privateKey });
    expect(await ready()).toBe(await ready());
  });

  test('is not ready with a key that cannot sign assertions', async () => {
    const small = await crypto.subtle.generateKey(
      {
        name: 'RSASSA-PKCS1-v1_5',
        modulusLength: 1024,
        publicExponent: new Uint8Array([1, 0, 1]),
        hash: 'SHA-256',
      },
      false,
      ['sign', 'verify'],
    );
    await expect(parse({ id: 'api', privateKey: small.privateKey }).ready()).rejects.toThrow();
    const [one, other] = ['one', 'other'].map(() =>
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
    );
    await expect(parse({ id: 'api', privateKey: { ...one, d: other?.d } }).ready()).rejects.toThrow();
  });
});

describe('the options of a client (I4)', () => {
  test('have an id, and a secret or a private key', () => {
    for (const id of [undefined, '', 42])
      expect(messageOf({ id, secret: 'x' })).toBe(
        'client.id must be the client_id of this service at the issuer',
      );
    expect(parse({ id: 'api', secret: 'x' }).clientId).toBe('api');
    expect(messageOf({ id: 'api' })).toBe(`client ${CLIENT_FORM}`);
    expect(messageOf({ id: 'api', secret: 'x', privateKey: 'x' })).toBe(`client ${CLIENT_FORM}`);
    expect(messageOf('api')).toBe(`client ${CLIENT_FORM}; it is a string`);
    expect(messageOf({ id: 'api', password: 'x' })).toBe(
      'client has no option "password"; known: id, secret, method, privateKey, kid, algorithm',
    );
  });

  test('have a secret that is a text', () => {
    for (const secret of ['', null, 42])
      expect(messageOf({ id: 'api', secret })).toBe('client.secret must be the client_secret, a string');
  });

  test('have a method for a secret only, and a kid and an algorithm for a key only', async () => {
    const { privateKey } = await generateKeyPair('ES256');
    expect(messageOf({ id: 'api', secret: 'x', method: 'none' })).toBe(
      'client.method must be "client_secret_basic" or "client_secret_post"; it is "none"',
    );
    expect(messageOf({ id: 'api', privateKey, method: 'client_secret_post' })).toBe(
      'client.method must be left out without secret',
    );
    for (const name of ['kid', 'algorithm'])
      expect(messageOf({ id: 'api', secret: 'x', [name]: 'x' })).toBe(
        `client.${name} must be left out without privateKey`,
      );
    expect(messageOf({ id: 'api', privateKey, kid: '' })).toBe('client.kid must be a string, as registered');
  });
});
