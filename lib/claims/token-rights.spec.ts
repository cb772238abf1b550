import { describe, expect, test } from '@jest/globals';
import type { AccessTokenClaims } from './access-token-claims.js';
import { readStandardRights } from './token-rights.js';

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
    expect(readStandardRights(claims as AccessTokenClaims).scopes).toEqual(scopes);
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
    expect(readStandardRights(claims as unknown as AccessTokenClaims).clientId).toBe(clientId);
  });
});

describe('the roles and permissions of a token (B13)', () => {
  test.each([
    [{ roles: ['a', 'b'] }, ['a', 'b'], []],
    [{ permissions: ['read:a'] }, [], ['read:a']],
    [{ roles: 'a b', permissions: 'c' }, [], []],
    [{ roles: ['a', 1, null, ['b']], permissions: [{}, 'c'] }, ['a'], ['c']],
    [{ roles: { a: true }, groups: ['g'], realm_access: { roles: ['r'] } }, [], []],
  ])('of %j are %j and %j', (claims, roles, permissions) => {
    expect(readStandardRights(claims as AccessTokenClaims)).toMatchObject({ roles, permissions });
  });

  test('no client has roles of its own', () => {
    const { clientRoles } = readStandardRights({ resource_access: { api: { roles: ['a'] } } });
    expect(clientRoles['constructor']).toBeUndefined();
    expect(Object.keys(clientRoles)).toStrictEqual([]);
  });
});
