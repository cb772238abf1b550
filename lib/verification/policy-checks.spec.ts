import { describe, expect, test } from '@jest/globals';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { assertRequirements } from './policy-checks.js';
import { type AuthenticationRequirement, type DpopPolicy, overlayPolicy } from './policy.js';
import { createVerdict } from './verdict.js';

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
