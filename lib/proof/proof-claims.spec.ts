import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DpopError } from '../errors/dpop.error.js';
import { parseProofClaims } from './proof-claims.js';

const VALID = { jti: 'j', htm: 'GET', htu: 'https://a.example/', iat: 1_700_000_000 };
const encode = (json: string) => Buffer.from(json).toString('base64url');
const parse = (claims: object) => parseProofClaims(encode(JSON.stringify(claims)));
const without = (name: string) => Object.fromEntries(Object.entries(VALID).filter(([key]) => key !== name));

describe('the claims of a proof (C3)', () => {
  test('are read with their types, all others left alone', () => {
    const optional = { ath: undefined, nonce: undefined, exp: undefined, nbf: undefined };
    expect(parse({ ...VALID, other: [1] })).toEqual({ ...VALID, ...optional });
    const all = { ...VALID, ath: 'a', nonce: 'n', exp: 1, nbf: 0 };
    expect(parse(all)).toEqual(all);
  });

  test.each(['jti', 'htm', 'htu', 'iat'])('%s is required', (name) => {
    expect(() => parse(without(name))).toThrow(new DpopError('proof_claims'));
  });

  test.each([
    ['jti', ''],
    ['jti', 1],
    ['jti', null],
    ['jti', ['a']],
    ['jti', 'j'.repeat(257)],
    ['htm', ''],
    ['htm', {}],
    ['htm', ['GET']],
    ['htu', ''],
    ['htu', 7],
    ['iat', '1700000000'],
    ['iat', null],
    ['iat', true],
    ['iat', [1_700_000_000]],
    ['iat', -1],
    ['ath', ''],
    ['ath', null],
    ['ath', 1],
    ['nonce', null],
    ['nonce', 1],
    ['nonce', ['n']],
    ['exp', 'x'],
    ['exp', null],
    ['exp', -1],
    ['nbf', '0'],
    ['nbf', null],
  ])('%s may not be %j', (name, value) => {
    expect(() => parse({ ...VALID, [name]: value })).toThrow(new DpopError('proof_claims'));
  });

  test.each(['iat', 'exp', 'nbf'])('%s may not be infinite', (name) => {
    const json = JSON.stringify({ ...VALID, [name]: 1 }).replace(`"${name}":1`, `"${name}":1e400`);
    expect(json).toContain('1e400');
    expect(() => parseProofClaims(encode(json))).toThrow(new DpopError('proof_claims'));
  });

  test('iat may be fractional, jti 256 characters, nonce empty (and then refused as a nonce)', () => {
    expect(parse({ ...VALID, iat: 1.5 }).iat).toBe(1.5);
    expect(parse({ ...VALID, jti: 'j'.repeat(256) }).jti).toHaveLength(256);
    expect(parse({ ...VALID, nonce: '' }).nonce).toBe('');
  });

  test('are not taken from a prototype', () => {
    const json = `{"__proto__":${JSON.stringify(VALID)}}`;
    expect(() => parseProofClaims(encode(json))).toThrow(new DpopError('proof_claims'));
  });

  test.each(['[]', '"text"', 'null', '1', 'true', '', '{', '{}}', '\ufeff{}'])(
    'a payload is a JSON object: not %j (C2)',
    (json) => {
      expect(() => parseProofClaims(encode(json))).toThrow(new DpopError('proof_malformed'));
    },
  );

  test('a payload is UTF-8: one that is not could hold any of several texts (C2)', () => {
    const octets = Buffer.from(JSON.stringify({ ...VALID, jti: '#' }));
    octets[octets.indexOf('#')] = 0xff;
    expect(() => parseProofClaims(octets.toString('base64url'))).toThrow(new DpopError('proof_malformed'));
  });

  test.each([
    ['jti', 'a string of 1 to 256 characters'],
    ['htm', 'a string, the method'],
    ['htu', 'a string, the URI'],
    ['iat', 'seconds since the epoch, a number'],
    ['ath', 'a string, base64url(SHA-256(access token))'],
    ['nonce', 'a string, or none'],
    ['exp', 'seconds since the epoch, a number, or none'],
    ['nbf', 'seconds since the epoch, a number, or none'],
  ])('the operator is told which claim is at fault, and what is expected: %s (D9)', (name, expected) => {
    expect(() => parse({ ...VALID, [name]: {} })).toThrow(
      expect.objectContaining({ details: { detail: name, expected: [expected] } }),
    );
  });

  test('the operator is told that the payload is at fault (D9)', () => {
    expect(() => parseProofClaims('W10')).toThrow(
      expect.objectContaining({ details: { detail: 'payload' } }),
    );
  });

  test('any payload ends in claims or in a refusal', () => {
    const payload = fc.oneof(
      fc.json(),
      fc.string({ unit: 'binary' }),
      fc
        .record({ jti: fc.jsonValue(), htm: fc.jsonValue(), htu: fc.jsonValue(), iat: fc.jsonValue() })
        .map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(payload, (json) => {
        try {
          const claims = parseProofClaims(encode(json));
          expect(claims.jti).not.toBe('');
          expect(Number.isFinite(claims.iat)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(DpopError);
        }
      }),
    );
  });
});
