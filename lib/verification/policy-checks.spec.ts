import { describe, expect, test } from '@jest/globals';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { assertRequirements, assertScheme } from './policy-checks.js';
import { type AuthenticationRequirement, type DpopPolicy, overlayPolicy } from './policy.js';
import { createTicketVerdict, createVerdict } from './verdict.js';

const NOW_SECONDS = 1_700_000_000;
const POLICY: DpopPolicy = { nonce: 'off', bearer: 'reject' };

function assertUnder(policy: Partial<DpopPolicy>, claims: AccessTokenClaims): void {
  const verdict = createVerdict('DPoP', 'token', claims, 'thumbprint');
  // Only a predicate of the app can make a promise of it.
  expect(assertRequirements(verdict, { ...POLICY, ...policy }, NOW_SECONDS)).toBeUndefined();
}

describe('a requirement for authentication (D2)', () => {
  const strong = { acrValues: ['phr', 'phrh'] };
  const recent = { maxAgeSeconds: 300 };
  const both = { ...strong, ...recent };
  const secondsAgo = (seconds: number) => NOW_SECONDS - seconds;

  const met: readonly (readonly [string, AuthenticationRequirement, AccessTokenClaims])[] = [
    ['one of the classes', strong, { acr: 'phrh' }],
    ['a time within the age', recent, { auth_time: secondsAgo(10) }],
    ['a time as old as may be', recent, { auth_time: secondsAgo(300) }],
    ['a class and a time', both, { acr: 'phr', auth_time: secondsAgo(300) }],
  ];

  test.each(met)('is met with %s', (_what, authentication, claims) => {
    expect(() => assertUnder({ authentication }, claims)).not.toThrow();
  });

  const unmet: readonly (readonly [string, AuthenticationRequirement, AccessTokenClaims])[] = [
    ['no class', strong, { auth_time: secondsAgo(0) }],
    ['another class', strong, { acr: 'pwd' }],
    ['a class that is no text', { acrValues: [7 as never] }, { acr: 7 }],
    ['no time', recent, { acr: 'phr' }],
    ['an older time', recent, { auth_time: secondsAgo(301) }],
    ['a time that is no number', recent, { auth_time: String(secondsAgo(10)) }],
    ['a class without a time', both, { acr: 'phr' }],
    ['a time without a class', both, { auth_time: secondsAgo(10) }],
  ];

  test.each(unmet)('is not met with %s, and its parameters are told', (_what, authentication, claims) => {
    expect(() => assertUnder({ authentication }, claims)).toThrow(
      expect.objectContaining({ reason: 'authentication_insufficient', details: authentication }),
    );
  });
});

describe('one policy over another (E1)', () => {
  test('decides what it sets, and leaves the rest, also what it sets to undefined', () => {
    const lower: DpopPolicy = { nonce: 'required', bearer: 'reject', scopes: ['a'] };
    const upper = { nonce: undefined, bearer: 'allow-unbound', scopes: ['b'] } as object;
    expect(overlayPolicy(lower, upper)).toEqual({
      nonce: 'required',
      bearer: 'allow-unbound',
      scopes: ['b'],
    });
    expect(overlayPolicy(lower, {})).toEqual(lower);
  });
});

describe('what a route requires of an accepted token', () => {
  const rights = { scope: 'read', roles: ['admin'] };

  test('is its scopes and its rights (B13)', () => {
    expect(() => assertUnder({ scopes: ['read'] }, rights)).not.toThrow();
    const insufficient = (reason: string): unknown => expect.objectContaining({ reason });
    expect(() => assertUnder({ scopes: ['write'] }, rights)).toThrow(insufficient('scope_insufficient'));
    expect(() => assertUnder({ roles: ['other'] }, rights)).toThrow(insufficient('role_insufficient'));
  });

  test('is what the app asks, last (B13)', () => {
    const asked: unknown[] = [];
    const predicates = [(verdict: unknown) => asked.push(verdict) > 1];
    expect(() => assertUnder({ scopes: ['write'], predicates }, rights)).toThrow(/scope/);
    expect(asked).toStrictEqual([]);
    expect(() => assertUnder({ predicates }, rights)).toThrow(
      expect.objectContaining({ reason: 'requirement_unmet' }),
    );
    expect(() => assertUnder({ predicates }, rights)).not.toThrow();
  });

  const nonce = { expiresAtSeconds: 0, renewalDue: false, epoch: 'AAAAAAAB' };
  const bound = createVerdict('DPoP', 'token', {}, 'thumbprint');
  const bearer = createVerdict('Bearer', 'token', {});

  test.each([
    ['a proof without a nonce', bound, 'nonce_missing'],
    ['a proof with one', createVerdict('DPoP', 'token', {}, 'thumbprint', nonce), undefined],
    ['a ticket whose proof had none', createTicketVerdict(bound, {}, 'thumbprint'), 'ticket_nonce'],
    ['an unbound token', bearer, undefined],
    ['a ticket for an unbound token', createTicketVerdict(bearer, {}, undefined), undefined],
  ])('is a nonce: %s (E1, J2)', (_what, verdict, reason) => {
    const check = (policy: DpopPolicy): unknown => assertRequirements(verdict, policy, NOW_SECONDS);
    expect(() => check(POLICY)).not.toThrow();
    const required: DpopPolicy = { ...POLICY, nonce: 'required' };
    if (reason === undefined) expect(() => check(required)).not.toThrow();
    else expect(() => check(required)).toThrow(expect.objectContaining({ reason }));
  });
});

describe('the scheme of a request (B5)', () => {
  test.each([
    ['DPoP', 'reject', true, undefined],
    ['Bearer', 'reject', false, 'bearer_not_accepted'],
    ['Bearer', 'allow-unbound', false, undefined],
    ['Bearer', 'allow-unbound', true, 'bearer_not_accepted'],
  ] as const)('%s under %s, forbidden by the service: %s', (scheme, value, forbidsBearer, reason) => {
    const check = () => assertScheme(scheme, { ...POLICY, bearer: value }, { forbidsBearer });
    if (reason === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ reason }));
  });
});
