import { describe, expect, test } from '@jest/globals';
import { Dpop, RequireAuthentication, routeMetadata, SkipDpop } from './policy.decorators.js';
import { RequireScopes } from './rights.decorators.js';
import { routeRequirements } from './route-requirements.js';

/** Decorators are called by untyped code, too. */
type Untyped = (...values: readonly unknown[]) => ClassDecorator;

const METADATA = { ...routeMetadata, ...routeRequirements };

type Name = keyof typeof METADATA;

/** What a decorator writes about a class. */
function metadataOf(name: Name, decorator: unknown, ...values: readonly unknown[]): unknown {
  class Target {}
  (decorator as Untyped)(...values)(Target);
  return Reflect.getMetadata(METADATA[name].key, Target);
}

describe('what a decorator sets is frozen, and a copy (E1, D2)', () => {
  const scopes = ['accounts:read', '!#[]~'];
  const policy = { nonce: 'required', bearer: 'allow-unbound' };
  const authentication = { acrValues: ['phr', 'urn:a'], maxAgeSeconds: 31_536_000 };
  const rows: readonly (readonly [Name, unknown, readonly unknown[], unknown])[] = [
    ['policy', Dpop, [policy], policy],
    ['policy', Dpop, [{ nonce: 'off', bearer: 'reject' }], { nonce: 'off', bearer: 'reject' }],
    ['policy', Dpop, [{ nonce: undefined, bearer: undefined }], { nonce: undefined, bearer: undefined }],
    ['policy', Dpop, [], {}],
    ['scopes', RequireScopes, scopes, scopes],
    ['authentication', RequireAuthentication, [authentication], authentication],
    ['authentication', RequireAuthentication, [{ acrValues: ['phr'] }], { acrValues: ['phr'] }],
    ['authentication', RequireAuthentication, [{ maxAgeSeconds: 0 }], { maxAgeSeconds: 0 }],
  ];

  test.each(rows)('%s: %p of %p', (name, decorator, values, expected) => {
    const set = metadataOf(name, decorator, ...values);
    expect(set).toEqual(expected);
    expect(set).not.toBe(values[0]);
    expect(Object.isFrozen(set)).toBe(true);
  });

  test('@SkipDpop sets that the route is open', () => {
    expect(metadataOf('skip', SkipDpop)).toBe(true);
  });
});

describe('a decorator is refused in these words (I4)', () => {
  const SCOPES = '@RequireScopes() must be given one or more scopes, such as @RequireScopes("accounts:read")';
  const ACR =
    '@RequireAuthentication() acrValues must be an array of authentication context classes, such as ["phr"]';
  const AGE = '@RequireAuthentication() maxAgeSeconds must be an integer from 0 to 31536000';
  const rows: readonly (readonly [unknown, readonly unknown[], string])[] = [
    [Dpop, [null], '@Dpop() must be an object; it is null'],
    [Dpop, [{ scopes: [] }], '@Dpop() has no option "scopes"; known: nonce, bearer, enforcement, anonymous'],
    [Dpop, [{ nonce: 'on' }], '@Dpop() nonce must be "off" or "required"; it is "on"'],
    [Dpop, [{ bearer: 'on' }], '@Dpop() bearer must be "reject" or "allow-unbound"; it is "on"'],
    [RequireScopes, [], `${SCOPES}; it is []`],
    [RequireScopes, ['a', ''], `${SCOPES}; it is [ 'a', '' ]`],
    [RequireScopes, ['a', 5], `${SCOPES}; it is [ 'a', 5 ]`],
    [RequireScopes, ['a b'], `${SCOPES}; it is [ 'a b' ]`],
    [RequireScopes, [' a'], `${SCOPES}; it is [ ' a' ]`],
    [RequireScopes, ['a '], `${SCOPES}; it is [ 'a ' ]`],
    [RequireScopes, ['"'], `${SCOPES}; it is [ '"' ]`],
    [RequireScopes, ['\\'], `${SCOPES}; it is [ '\\\\' ]`],
    [RequireScopes, ['\x7f'], `${SCOPES}; it is [ '\\x7F' ]`],
    [RequireAuthentication, [], '@RequireAuthentication() must be an object; it is undefined'],
    [
      RequireAuthentication,
      [{ maxAge: 5 }],
      '@RequireAuthentication() has no option "maxAge"; known: acrValues, maxAgeSeconds',
    ],
    [RequireAuthentication, [{}], '@RequireAuthentication() must be given acrValues, maxAgeSeconds or both'],
    [RequireAuthentication, [{ acrValues: 'phr' }], `${ACR}; it is "phr"`],
    [RequireAuthentication, [{ acrValues: [] }], `${ACR}; it is []`],
    [RequireAuthentication, [{ acrValues: ['phr', 5] }], `${ACR}; it is [ 'phr', 5 ]`],
    [RequireAuthentication, [{ acrValues: ['phr', 'a b'] }], `${ACR}; it is [ 'phr', 'a b' ]`],
    [RequireAuthentication, [{ acrValues: ['phr'], maxAgeSeconds: -1 }], `${AGE}; it is -1`],
    [RequireAuthentication, [{ maxAgeSeconds: 31_536_001 }], `${AGE}; it is 31536001`],
  ];

  test.each(rows)('%p of %j: %s', (decorator, values, message) => {
    expect(() => metadataOf('policy', decorator, ...values)).toThrow(new TypeError(message));
  });
});
