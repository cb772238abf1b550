import { describe, expect, test } from '@jest/globals';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { attachRights } from '../claims/attached-rights.js';
import type { TokenRights } from '../claims/token-rights.js';
import type { DpopPolicy } from './policy.js';
import { assertPredicates, assertRights, assertScopes } from './rights-checks.js';
import { createVerdict, type DpopVerdict } from './verdict.js';

function verdictWith(rights: Partial<TokenRights>, claims: AccessTokenClaims = {}): DpopVerdict {
  const none = { clientId: undefined, scopes: [], roles: [], clientRoles: {}, permissions: [] };
  return createVerdict(
    'DPoP',
    'token',
    attachRights({ ...claims }, () => ({ ...none, ...rights })),
    'jkt',
  );
}

/** What a check refuses, as reason and details; `undefined` if it does not. */
function refusalOf(check: () => unknown): unknown {
  try {
    check();
  } catch (error) {
    const { reason, details, advice } = error as Record<string, unknown>;
    return { reason, ...(details as object | undefined), ...(advice !== undefined && { advice }) };
  }
  return undefined;
}

type Rights = Omit<DpopPolicy, 'nonce' | 'bearer'>;
const policyOf = (rights: Rights): DpopPolicy => ({ nonce: 'off', bearer: 'reject', ...rights });

describe('scopes that a route requires (B13, D2)', () => {
  test.each<[string[], Rights, unknown]>([
    [['a', 'b'], { scopes: ['b', 'a'] }, undefined],
    [['a'], {}, undefined],
    [['a', 'b'], { anyScope: ['x', 'b'] }, undefined],
    [
      ['a'],
      { scopes: ['a', 'b', 'c'] },
      { reason: 'scope_insufficient', scopes: ['a', 'b', 'c'], missing: ['b', 'c'] },
    ],
    [
      ['a'],
      { anyScope: ['x', 'y'] },
      { reason: 'scope_insufficient', scopes: ['x', 'y'], expected: ['x', 'y'] },
    ],
    [
      ['a'],
      { scopes: ['a'], anyScope: ['x'] },
      { reason: 'scope_insufficient', scopes: ['x'], expected: ['x'] },
    ],
    [
      ['x'],
      { scopes: ['a'], anyScope: ['x'] },
      { reason: 'scope_insufficient', scopes: ['a'], missing: ['a'] },
    ],
  ])('a token with %j and %j', (scopes, rights, refusal) => {
    expect(refusalOf(() => assertScopes(verdictWith({ scopes }), policyOf(rights)))).toEqual(refusal);
  });
});

describe('roles and permissions that a route requires (B13)', () => {
  const clientRoles = Object.assign(Object.create(null) as Record<string, readonly string[]>, {
    accounts: ['editor', 'viewer'],
  });
  const rights = { roles: ['admin', 'auditor'], clientRoles, permissions: ['read', 'write'] };
  const editor = { client: 'accounts', role: 'editor' };

  test.each<[Rights, unknown]>([
    [{}, undefined],
    [{ roles: ['admin', editor] }, undefined],
    [{ anyRole: ['x', editor] }, undefined],
    [{ anyRole: ['x', 'auditor'] }, undefined],
    [{ permissions: ['write', 'read'] }, undefined],
    [
      { roles: ['admin', 'x', { client: 'accounts', role: 'owner' }] },
      {
        reason: 'role_insufficient',
        required: ['admin', 'x', 'owner of accounts'],
        missing: ['x', 'owner of accounts'],
      },
    ],
    [{ roles: ['editor'] }, { reason: 'role_insufficient', required: ['editor'], missing: ['editor'] }],
    [
      { roles: [{ client: 'constructor', role: 'name' }] },
      {
        reason: 'role_insufficient',
        required: ['name of constructor'],
        missing: ['name of constructor'],
      },
    ],
    [
      { anyRole: ['x', { client: 'accounts', role: 'admin' }] },
      { reason: 'role_insufficient', expected: ['x', 'admin of accounts'] },
    ],
    [
      { permissions: ['read', 'x', 'y'] },
      { reason: 'permission_insufficient', required: ['read', 'x', 'y'], missing: ['x', 'y'] },
    ],
    [
      { roles: ['admin'], anyRole: ['x'] },
      { reason: 'role_insufficient', expected: ['x'] },
    ],
  ])('%j', (required, refusal) => {
    expect(refusalOf(() => assertRights(verdictWith(rights), policyOf(required)))).toEqual(refusal);
  });
});

describe('authorization details that a route requires (B13)', () => {
  const euro = { type: 'payment', currency: 'EUR' };
  const isEuro = (detail: { readonly currency?: unknown }): boolean => detail.currency === 'EUR';
  const check = (details: unknown, ...required: NonNullable<Rights['authorizationDetails']>): unknown =>
    refusalOf(() =>
      assertRights(
        verdictWith({}, { authorization_details: details }),
        policyOf({ authorizationDetails: required }),
      ),
    );
  const insufficient = { reason: 'authorization_details_insufficient', required: ['payment'] };

  test('are an entry of the type', () => {
    expect(check([{ type: 'other' }, euro], { type: 'payment' })).toBeUndefined();
    for (const details of [undefined, [], [{ type: 'other' }], ['payment'], [null], euro, 'payment'])
      expect(check(details, { type: 'payment' })).toEqual(insufficient);
  });

  test('are an entry of the type that satisfies the predicate, which sees no other', () => {
    const seen: unknown[] = [];
    const required = {
      type: 'payment',
      predicate: (detail: object) => {
        seen.push(detail);
        return isEuro(detail);
      },
    };
    const dollar = { ...euro, currency: 'USD' };
    expect(check([{ type: 'other', currency: 'EUR' }, dollar, euro], required)).toBeUndefined();
    expect(seen).toEqual([dollar, euro]);
    expect(check([{ type: 'other', currency: 'EUR' }, dollar], required)).toEqual(insufficient);
  });

  test('are one for each requirement', () => {
    expect(check([euro], { type: 'payment' }, { type: 'account' })).toEqual({
      ...insufficient,
      required: ['account'],
    });
  });

  test('cannot be told by a predicate that answers anything else, now or later', async () => {
    const unnamed = '@RequireAuthorizationDetails()';
    const late = () => Promise.reject(new Error('quoted'));
    expect(check([euro], { type: 'payment', predicate: late as never })).toEqual({
      reason: 'internal_failure',
      advice: `the predicate late of ${unnamed} must return true or false, not a promise; use @Require() for work that takes time`,
    });
    expect(check([euro], { type: 'payment', predicate: (() => 1) as never })).toMatchObject({
      advice: `the predicate predicate of ${unnamed} must return true or false; it returned number`,
    });
    const [nameless] = [() => Promise.resolve(true)];
    expect(check([euro], { type: 'payment', predicate: nameless as never })).toMatchObject({
      advice: `the predicate of ${unnamed} must return true or false, not a promise; use @Require() for work that takes time`,
    });
    // The promise that was rejected ends no process.
    await new Promise(setImmediate);
  });
});

describe('what the app asks about the verdict (B13)', () => {
  const verdict = verdictWith({});

  test('is asked in order, until the first no', () => {
    const asked: string[] = [];
    const ask = (name: string, answer: boolean) => (seen: DpopVerdict) => {
      expect(seen).toBe(verdict);
      asked.push(name);
      return answer;
    };
    expect(assertPredicates(verdict, [ask('a', true), ask('b', true)])).toBeUndefined();
    expect(assertPredicates(verdict, [])).toBeUndefined();
    expect(() => assertPredicates(verdict, [ask('c', true), ask('d', false), ask('e', true)])).toThrow();
    expect(asked).toEqual(['a', 'b', 'c', 'd']);
  });

  test('is named when it is not met, at once or by a promise', async () => {
    const isOpen = (): boolean => false;
    const isOpenLater = (): Promise<boolean> => Promise.resolve(false);
    const yes = (): Promise<boolean> => Promise.resolve(true);
    const unmet = (name: string) => ({ reason: 'requirement_unmet', details: { required: [name] } });
    expect(refusalOf(() => assertPredicates(verdict, [isOpen]))).toEqual({
      reason: 'requirement_unmet',
      required: ['isOpen'],
    });
    const [nameless] = [() => false];
    expect(refusalOf(() => assertPredicates(verdict, [nameless ?? isOpen]))).toEqual({
      reason: 'requirement_unmet',
      required: ['an unnamed predicate'],
    });
    await expect(assertPredicates(verdict, [isOpenLater])).rejects.toMatchObject(unmet('isOpenLater'));
    await expect(assertPredicates(verdict, [yes, isOpen])).rejects.toMatchObject(unmet('isOpen'));
    await expect(assertPredicates(verdict, [yes, yes])).resolves.toBeUndefined();
  });

  test('cannot be told by what answers anything else', async () => {
    const odd = (() => 'yes') as never;
    const oddLater = (() => Promise.resolve('yes')) as never;
    const advice = (name: string) =>
      `the predicate ${name} of @Require() must return true or false; it returned string`;
    expect(refusalOf(() => assertPredicates(verdict, [odd]))).toMatchObject({ advice: advice('odd') });
    await expect(assertPredicates(verdict, [oddLater])).rejects.toMatchObject({ advice: advice('oddLater') });
  });
});
