import { describe, expect, test } from '@jest/globals';
import type { DpopPolicy } from '../verification/policy.js';
import { unitePolicies } from './united-policy.js';

const service = {
  nonce: 'off',
  bearer: 'reject',
  enforcement: 'enforce',
  anonymous: 'reject',
  ticket: 'reject',
} as const;
class First {}
class Second {}

const unite = (first: Partial<DpopPolicy>, second: Partial<DpopPolicy>): DpopPolicy =>
  unitePolicies([
    { type: First, policy: { ...service, ...first } },
    { type: Second, policy: { ...service, ...second } },
  ]);

const always = (): boolean => true;
const never = (): boolean => false;

describe('one policy for several classes (J1)', () => {
  test('members that no class sets are left out, and it is frozen', () => {
    const policy = unite({}, {});
    expect(policy).toEqual(service);
    expect(Object.isFrozen(policy)).toBe(true);
  });

  test.each<readonly [Partial<DpopPolicy>, Partial<DpopPolicy>, Partial<DpopPolicy>]>([
    [{ nonce: 'required' }, {}, { nonce: 'required' }],
    [{ bearer: 'allow-unbound' }, {}, { bearer: 'reject' }],
    [{ bearer: 'allow-unbound' }, { bearer: 'allow-unbound' }, { bearer: 'allow-unbound' }],
    [{ enforcement: 'report' }, { enforcement: 'enforce' }, { enforcement: 'enforce' }],
    [{ enforcement: 'report' }, { enforcement: 'report' }, { enforcement: 'report' }],
    [{ anonymous: 'allow' }, {}, { anonymous: 'reject' }],
    [{ anonymous: 'allow' }, { anonymous: 'allow' }, { anonymous: 'allow' }],
    [{ ticket: 'allow' }, {}, { ticket: 'reject' }],
    [{ ticket: 'allow' }, { ticket: 'allow' }, { ticket: 'allow' }],
    [{ scopes: ['a', 'b'] }, { scopes: ['b', 'c'] }, { scopes: ['a', 'b', 'c'] }],
    [{}, { roles: ['admin'] }, { roles: ['admin'] }],
    [{ permissions: ['p'] }, { permissions: ['q'] }, { permissions: ['p', 'q'] }],
    [{ predicates: [always] }, { predicates: [never, always] }, { predicates: [always, never] }],
    [
      { authorizationDetails: [{ type: 'a' }] },
      { authorizationDetails: [{ type: 'b' }] },
      { authorizationDetails: [{ type: 'a' }, { type: 'b' }] },
    ],
    [{ anyScope: ['a', 'b'] }, {}, { anyScope: ['a', 'b'] }],
    [{ anyRole: ['a'] }, { anyRole: ['a'] }, { anyRole: ['a'] }],
    [{}, { authentication: { maxAgeSeconds: 60 } }, { authentication: { maxAgeSeconds: 60 } }],
  ])('%j and %j make %j', (first, second, united) => {
    expect(unite(first, second)).toEqual({ ...service, ...united });
  });

  test.each<readonly [string, Partial<DpopPolicy>, Partial<DpopPolicy>]>([
    ['@RequireAnyScope', { anyScope: ['a'] }, { anyScope: ['b'] }],
    ['@RequireAnyRole', { anyRole: ['a'] }, { anyRole: [{ client: 'c', role: 'a' }] }],
    [
      '@RequireAuthentication',
      { authentication: { maxAgeSeconds: 60 } },
      { authentication: { maxAgeSeconds: 61 } },
    ],
  ])('%s has no sum', (decorator, first, second) => {
    expect(() => unite(first, second)).toThrow(
      new TypeError(
        `${decorator}() must be the same on gateways that share a connection: First, Second. ` +
          'Give the gateways paths of their own, or move the decorator to their handlers',
      ),
    );
  });
});
