import { describe, expect, test } from '@jest/globals';
import { describeRefused, readPresentedJwt } from './presented-jwt.js';

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const HEADER = encode({ alg: 'ES256' });
const PAYLOAD = encode({ iss: 'https://issuer.test' });

describe('a token as it was presented (B6)', () => {
  test('has its claims, also where it is no JWS but has three segments', () => {
    const claims = { iss: 'https://issuer.test' };
    expect(readPresentedJwt(`${HEADER}.${PAYLOAD}.c2ln`)).toMatchObject({ jws: expect.anything(), claims });
    for (const token of [`${HEADER}.${PAYLOAD}.`, `.${PAYLOAD}.c2ln`, `${HEADER}.${PAYLOAD}.+`])
      expect(readPresentedJwt(token)).toEqual({ jws: undefined, claims });
  });

  test.each([
    'opaque',
    `${HEADER}.${PAYLOAD}`,
    `${HEADER}.${PAYLOAD}.c2ln.x`,
    `${HEADER}.${PAYLOAD}.c2ln.x.y`,
  ])('has none with another number of segments: %s', (token) => {
    expect(readPresentedJwt(token)).toEqual({ jws: undefined, claims: undefined });
  });

  test('has no claims if they are no JSON object', () => {
    expect(readPresentedJwt(`${HEADER}.${encode([])}.c2ln`)).toMatchObject({ claims: undefined });
  });
});

describe('what an adviser sees of a refused token (D9)', () => {
  test.each<[string, number]>([
    ['opaque', 1],
    ['a.b', 2],
    [`${HEADER}.${PAYLOAD}.c2ln`, 3],
    ['a.b.c.d.e', 5],
    ['a.b.c.d.e.f', 6],
    ['a.b.c.d.e.f.g.h', 6],
  ])('the number of segments of %s is %i, six at most', (token, segments) => {
    expect(describeRefused(token, 'token_invalid').segments).toBe(segments);
  });

  test('its reason, its header and its claims', () => {
    expect(describeRefused(`${HEADER}.${PAYLOAD}.c2ln`, 'token_type')).toEqual({
      reason: 'token_type',
      segments: 3,
      header: { alg: 'ES256' },
      claims: { iss: 'https://issuer.test' },
    });
    expect(describeRefused('', 'token_invalid')).toEqual({
      reason: 'token_invalid',
      segments: 1,
      header: undefined,
      claims: undefined,
    });
  });

  test('the header of an encrypted token', () => {
    expect(describeRefused(`${encode({ alg: 'dir' })}.a.b.c.d`, 'token_invalid').header).toEqual({
      alg: 'dir',
    });
  });
});
