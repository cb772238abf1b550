import { describe, expect, test } from '@jest/globals';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { assertClaims, assertUnbound, boundThumbprint } from './bound-claims.js';

describe('the claims that a verifier returned (B2, B4)', () => {
  test('are an object', () => {
    for (const claims of [{}, { cnf: { jkt: 'a' } }, Object.freeze({})])
      expect(() => assertClaims(claims)).not.toThrow();
  });

  test('name the key of the token in cnf.jkt', () => {
    expect(boundThumbprint({ cnf: { jkt: 'a' } })).toBe('a');
    for (const cnf of [undefined, null, 'a', ['a'], {}, { jkt: '' }, { jkt: 7 }, { 'x5t#S256': 'a' }])
      expect(() => boundThumbprint({ cnf, jkt: 'a' } as AccessTokenClaims)).toThrow(
        expect.objectContaining({ name: 'DpopError', reason: 'token_unbound' }),
      );
  });

  test('have no cnf at all in a Bearer token', () => {
    expect(() => assertUnbound({ sub: 'a' })).not.toThrow();
    for (const cnf of [null, {}, { jkt: 'a' }, { 'x5t#S256': 'a' }])
      expect(() => assertUnbound({ cnf } as AccessTokenClaims)).toThrow(
        expect.objectContaining({ name: 'DpopError', reason: 'bound_token_as_bearer' }),
      );
  });
});
