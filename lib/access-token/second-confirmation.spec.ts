import { describe, expect, test } from '@jest/globals';
import { DpopError } from '../errors/dpop.error.js';
import { assertConfirmationChecked, confirmSecond, otherMethodsOf } from './second-confirmation.js';

const request = { method: 'GET', target: '/', rawHeaders: [] };
const bound = { jkt: 'thumbprint' };
const METHODS = ['x5t#S256', 'jwk', 'jwe', 'kid', 'jku', 'osc'];

describe('what a token is bound to beside its DPoP key (B11)', () => {
  test.each(METHODS)('%s is a registered method, whatever its value', (method) => {
    for (const value of ['x', '', null, undefined, 0, {}])
      expect(otherMethodsOf({ ...bound, [method]: value })).toEqual([method]);
  });

  test('no other member is one, in whatever case', () => {
    const cnf = { ...bound, x5t: 1, 'X5T#S256': 1, 'x5t#s256': 1, JWK: 1, x5c: 1, jkt2: 1, constructor: 1 };
    expect(otherMethodsOf(cnf)).toStrictEqual([]);
    expect(() => assertConfirmationChecked(cnf, undefined)).not.toThrow();
  });

  test.each(METHODS)('%s is refused unless somebody checks it', (method) => {
    const cnf = { ...bound, [method]: 'x' };
    const refused = (): void => assertConfirmationChecked(cnf, undefined);
    expect(refused).toThrow(DpopError);
    expect(refused).toThrow(
      expect.objectContaining({ reason: 'confirmation_unchecked', code: 'invalid_token', status: 401 }),
    );
    expect(() => assertConfirmationChecked(cnf, 'jkt-only')).not.toThrow();
    expect(() => assertConfirmationChecked(cnf, () => false)).not.toThrow();
  });

  test('the operator is told what nobody checks, and what to do (D9)', () => {
    expect(() => assertConfirmationChecked({ ...bound, 'x5t#S256': 'x' }, undefined)).toThrow(
      expect.objectContaining({
        details: {
          detail: 'x5t#S256',
          advice:
            "the issuer binds its tokens to x5t#S256 beside jkt: set confirmation to a function that checks it, such as confirmClientCertificate for x5t#S256, or to 'jkt-only' if the DPoP key is enough",
        },
      }),
    );
  });

  test('the function of the app sees the members of cnf and the request, and cannot change the claims', () => {
    const cnf = { ...bound, kid: 'x' };
    const seen: unknown[] = [];
    void confirmSecond({ cnf }, request, (...given) => {
      seen.push(...given);
      return Object.isFrozen(given[0]);
    });
    expect(seen).toEqual([cnf, request]);
    expect(Object.isFrozen(cnf)).toBe(false);
  });

  test('a function of the app that fails or answers something else is told by its name', () => {
    const claims = { cnf: { ...bound, kid: 'x' } };
    const answers = (answer: unknown) => () => confirmSecond(claims, request, () => answer as boolean);
    expect(answers('yes')).toThrow(
      expect.objectContaining({
        status: 503,
        advice: expect.stringContaining('the function of the option confirmation') as unknown,
      }),
    );
  });

  test('an answer at once costs no promise', () => {
    const claims = { cnf: { ...bound, kid: 'x' } };
    expect(confirmSecond(claims, request, () => true)).toBeUndefined();
    expect(confirmSecond(claims, request, () => Promise.resolve(true))).toBeInstanceOf(Promise);
    expect(() => confirmSecond(claims, request, () => false)).toThrow(
      expect.objectContaining({ reason: 'confirmation_mismatch' }),
    );
  });

  test('nobody is asked where there is nothing to ask', () => {
    const asked = (): never => {
      throw new Error('asked');
    };
    expect(confirmSecond({ cnf: bound }, request, asked)).toBeUndefined();
    expect(confirmSecond({}, request, asked)).toBeUndefined();
    expect(confirmSecond({ cnf: { ...bound, kid: 'x' } }, request, 'jkt-only')).toBeUndefined();
  });
});
