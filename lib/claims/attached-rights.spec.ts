import { describe, expect, test } from '@jest/globals';
import { freezeClaims } from './access-token-claims.js';
import { attachRights, rightsOf } from './attached-rights.js';
import { readStandardRights, type RightsReader } from './token-rights.js';

const claims = () => ({ sub: 'user', scope: 'a b', roles: ['r'] });

describe('the rights of a token (B13)', () => {
  test('are those of the reader of its issuer, and frozen', () => {
    const read: RightsReader = (token) => ({
      ...readStandardRights(token),
      roles: ['admin'],
      clientRoles: { api: ['editor'], constructor: ['x'] },
      permissions: ['p'],
    });
    const rights = rightsOf(freezeClaims(attachRights(claims(), read)));
    expect(rights).toMatchObject({ scopes: ['a', 'b'], roles: ['admin'], permissions: ['p'] });
    expect(Object.entries(rights.clientRoles)).toEqual([
      ['api', ['editor']],
      ['constructor', ['x']],
    ]);
    const parts = [rights, rights.scopes, rights.roles, rights.clientRoles, rights.permissions];
    expect([...parts, rights.clientRoles['api']].map(Object.isFrozen)).not.toContain(false);
  });

  test('are not among the claims', () => {
    const token = claims();
    expect(attachRights(token, readStandardRights)).toBe(token);
    expect(token).toEqual(claims());
  });

  test('are read once, and the standard ones are read where the issuer has no reader', () => {
    let reads = 0;
    const token = attachRights(claims(), (read) => {
      reads += 1;
      return readStandardRights(read);
    });
    expect(rightsOf(token)).toBe(rightsOf(token));
    expect(reads).toBe(1);
    expect(rightsOf(claims())).toEqual(readStandardRights(claims()));
    expect(Object.isFrozen(rightsOf(claims()).scopes)).toBe(true);
  });

  const standard = readStandardRights(claims());
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['scopes as a string', { ...standard, scopes: 'a b' }],
    ['a role that is no string', { ...standard, roles: ['a', 1] }],
    ['no permissions', { ...standard, permissions: undefined }],
    ['no client roles', { ...standard, clientRoles: undefined }],
    ['client roles as a list', { ...standard, clientRoles: { api: 'a' } }],
    ['a client that is no string', { ...standard, clientId: 1 }],
  ])('a reader that returns %s is a failure of the service', (_, rights) => {
    expect(() => attachRights(claims(), () => rights as never)).toThrow(
      expect.objectContaining({
        status: 503,
        reason: 'internal_failure',
        advice: expect.stringContaining('readRights must return'),
      }),
    );
  });

  test('a reader that throws is a failure of the service', () => {
    const read = () => {
      throw new Error('the error of the app');
    };
    expect(() => attachRights(claims(), read)).toThrow(
      expect.objectContaining({
        status: 503,
        reason: 'internal_failure',
        advice: expect.stringContaining('readRights threw'),
      }),
    );
  });
});
