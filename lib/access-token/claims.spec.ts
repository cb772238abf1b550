import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AccessTokenClaims } from './access-token.verifier.js';
import { clientIdOf, freezeClaims, scopesOf } from './claims.js';

describe('the scopes of a token (D2)', () => {
  test.each([
    [{ scope: 'a b:read c' }, ['a', 'b:read', 'c']],
    [{ scope: 'a' }, ['a']],
    [{ scope: '' }, []],
    [{ scope: '  a  b ' }, ['a', 'b']],
    [{ scp: ['a', 'b'] }, ['a', 'b']],
    [{ scp: 'a b' }, ['a', 'b']],
    [{ scp: ['a', 1, null, ['b'], 'c'] }, ['a', 'c']],
    [{ scope: 'a', scp: ['b'] }, ['a']],
    [{ scope: '', scp: ['admin'] }, ['admin']],
    [{ scope: '', scp: 'a b' }, ['a', 'b']],
    [{ scope: '  ', scp: ['a'] }, ['a']],
    [{ scope: null, scp: ['a'] }, ['a']],
    [{ scope: [], scp: ['a'] }, ['a']],
    [{ scope: '', scp: '' }, []],
    [{ scope: 1, scp: ['admin'] }, []],
    [{ scope: [1], scp: ['admin'] }, []],
    [{ scope: { a: true }, scp: ['admin'] }, []],
    [{}, []],
    [{ scope: 1 }, []],
    [{ scope: { a: true } }, []],
    [{ roles: ['a'] }, []],
  ])('of %j are %j', (claims, scopes) => {
    expect(scopesOf(claims as AccessTokenClaims)).toEqual(scopes);
  });
});

describe('the client of a token', () => {
  test.each([
    [{ client_id: 'a', azp: 'b' }, 'a'],
    [{ azp: 'b', cid: 'c' }, 'b'],
    [{ cid: 'c', appid: 'd' }, 'c'],
    [{ appid: 'd' }, 'd'],
    [{}, undefined],
    [{ sub: 'e' }, undefined],
    [{ client_id: 1 }, undefined],
    [{ client_id: ['a'], azp: 'b' }, undefined],
    [{ client_id: '', azp: 'b' }, 'b'],
    [{ client_id: null, cid: 'c' }, 'c'],
    [{ client_id: '' }, undefined],
  ])('of %j is %s', (claims, clientId) => {
    expect(clientIdOf(claims as unknown as AccessTokenClaims)).toBe(clientId);
  });
});

describe('frozen claims', () => {
  test('are the same value, and nothing in them can be changed', () => {
    const isFrozenThrough = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(isFrozenThrough));
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const before = structuredClone(value);
        const frozen = freezeClaims(value);
        expect(frozen).toBe(value);
        expect(frozen).toEqual(before);
        expect(isFrozenThrough(frozen)).toBe(true);
      }),
    );
  });
});
