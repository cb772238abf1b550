import { describe, expect, test } from '@jest/globals';
import { Dpop, RequireAuthentication, routeMetadata, SkipDpop } from './policy.decorators.js';
import {
  Require,
  RequireAnyRole,
  RequireAnyScope,
  RequireAuthorizationDetails,
  RequirePermissions,
  RequireRoles,
  RequireScopes,
} from './rights.decorators.js';
import { decoratorsOf, readRequirements, routeRequirements } from './route-requirements.js';

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
  const always = (): boolean => true;
  const editor = { client: 'accounts', role: 'editor' };
  const scopes = ['accounts:read', '!#[]~'];
  const policy = { nonce: 'required', bearer: 'allow-unbound' };
  const authentication = { acrValues: ['phr', 'urn:a'], maxAgeSeconds: 31_536_000 };
  const rows: readonly (readonly [Name, unknown, readonly unknown[], unknown])[] = [
    ['policy', Dpop, [policy], policy],
    ['policy', Dpop, [{ nonce: 'off', bearer: 'reject' }], { nonce: 'off', bearer: 'reject' }],
    ['policy', Dpop, [{ nonce: undefined, bearer: undefined }], { nonce: undefined, bearer: undefined }],
    ['policy', Dpop, [], {}],
    ['scopes', RequireScopes, scopes, scopes],
    ['scopes', RequireScopes, ['a', 'b', 'a'], ['a', 'b']],
    ['anyScope', RequireAnyScope, ['b', 'a'], ['b', 'a']],
    ['roles', RequireRoles, ['admin', editor], ['admin', editor]],
    ['anyRole', RequireAnyRole, [editor], [editor]],
    ['permissions', RequirePermissions, ['p q', 'é', 'p q'], ['p q', 'é']],
    ['authorizationDetails', RequireAuthorizationDetails, ['payment'], [{ type: 'payment' }]],
    [
      'authorizationDetails',
      RequireAuthorizationDetails,
      ['payment', always],
      [{ type: 'payment', predicate: always }],
    ],
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

  test('@Require sets its function', () => {
    const set = metadataOf('predicates', Require, always);
    expect(set).toEqual([always]);
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
  const ANY =
    '@RequireAnyScope() must be given one or more scopes, such as @RequireAnyScope("accounts:read")';
  const PERMISSIONS =
    '@RequirePermissions() must be given one or more permissions, such as @RequirePermissions("read:accounts")';
  const ROLES =
    '@RequireRoles() must be given one or more roles, such as @RequireRoles("admin") or, for the role of a client, @RequireRoles({ client: "accounts", role: "editor" })';
  const DETAILS =
    '@RequireAuthorizationDetails() must be given the type of authorization details, such as @RequireAuthorizationDetails("payment")';
  const rows: readonly (readonly [unknown, readonly unknown[], string])[] = [
    [RequireAnyScope, [], `${ANY}; it is []`],
    [RequirePermissions, [], `${PERMISSIONS}; it is []`],
    [RequirePermissions, ['a', ''], `${PERMISSIONS}; it is [ 'a', '' ]`],
    [RequirePermissions, ['a', 5], `${PERMISSIONS}; it is [ 'a', 5 ]`],
    [RequireRoles, [], `${ROLES}; it is []`],
    [RequireAnyRole, [], `${ROLES.replaceAll('@RequireRoles', '@RequireAnyRole')}; it is []`],
    [RequireRoles, ['a', ''], `${ROLES}; it is ""`],
    [RequireRoles, ['a', 5], `${ROLES}; it is 5`],
    [RequireRoles, [null], `${ROLES}; it is null`],
    [RequireRoles, [['a']], `${ROLES}; it is [ 'a' ]`],
    [RequireRoles, [{ client: 'a' }], `${ROLES}; it is { client: 'a' }`],
    [RequireRoles, [{ role: 'a' }], `${ROLES}; it is { role: 'a' }`],
    [RequireRoles, [{ client: '', role: 'a' }], `${ROLES}; it is { client: '', role: 'a' }`],
    [
      RequireRoles,
      [{ client: 'a', role: 'b', realm: 'c' }],
      '@RequireRoles() has no option "realm"; known: client, role',
    ],
    [RequireAuthorizationDetails, [], `${DETAILS}; it is undefined`],
    [RequireAuthorizationDetails, [''], `${DETAILS}; it is ""`],
    [
      RequireAuthorizationDetails,
      ['payment', 'x'],
      '@RequireAuthorizationDetails() predicate must be a function of one entry that returns true or false; it is "x"',
    ],
    [
      Require,
      ['x'],
      '@Require() must be given a function of the verdict that returns true or false; it is "x"',
    ],
    [Dpop, [null], '@Dpop() must be an object; it is null'],
    [
      Dpop,
      [{ scopes: [] }],
      '@Dpop() has no option "scopes"; known: nonce, bearer, enforcement, anonymous, ticket, endAtExpiry',
    ],
    [Dpop, [{ nonce: 'on' }], '@Dpop() nonce must be "off" or "required"; it is "on"'],
    [Dpop, [{ bearer: 'on' }], '@Dpop() bearer must be "reject" or "allow-unbound"; it is "on"'],
    [Dpop, [{ ticket: true }], '@Dpop() ticket must be "reject" or "allow"; it is true'],
    [Dpop, [{ endAtExpiry: 'yes' }], '@Dpop() endAtExpiry must be true or false; it is "yes"'],
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

  test.each<[string, ClassDecorator, string]>([
    [
      '@RequireAnyScope',
      RequireAnyScope('a'),
      'name all scopes in one, or use @RequireScopes for those that are always required',
    ],
    [
      '@RequireAnyRole',
      RequireAnyRole('a'),
      'name all roles in one, or use @RequireRoles for those that are always required',
    ],
    [
      '@RequireAuthentication',
      RequireAuthentication({ maxAgeSeconds: 1 }),
      'name acrValues and maxAgeSeconds in one',
    ],
  ])('%s twice', (name, decorator, wayOut) => {
    class Target {}
    decorator(Target);
    const requirements = readRequirements((key) => Reflect.getMetadata(key, Target));
    expect(decoratorsOf(requirements)).toEqual([name]);
    expect(() => decorator(Target)).toThrow(
      new TypeError(`${name}() must be used once on a handler or a class; ${wayOut}`),
    );
  });

  test('@Dpop twice leaves out what neither sets', () => {
    class Target {}
    Dpop()(Target);
    Dpop({ nonce: 'off' })(Target);
    expect(Reflect.getMetadata(METADATA.policy.key, Target)).toStrictEqual({ nonce: 'off' });
  });

  test('@Dpop twice with two values', () => {
    class Target {}
    Dpop({ nonce: 'off' })(Target);
    expect(() => Dpop({ nonce: 'required' })(Target)).toThrow(
      new TypeError("@Dpop() nonce must be one value on one handler or class; it is [ 'required', 'off' ]"),
    );
  });
});

describe('the requirements of a target (B13)', () => {
  const names: Readonly<Record<keyof typeof routeRequirements, string>> = {
    scopes: '@RequireScopes',
    anyScope: '@RequireAnyScope',
    roles: '@RequireRoles',
    anyRole: '@RequireAnyRole',
    permissions: '@RequirePermissions',
    authorizationDetails: '@RequireAuthorizationDetails',
    authentication: '@RequireAuthentication',
    predicates: '@Require',
  };

  test.each(Object.entries(names))('%s is set by %s', (kind, decorator) => {
    const value = ['x'];
    const read = (key: string): unknown => (key === `nestjs-dpop:${decorator}` ? value : undefined);
    const requirements = readRequirements(read);
    expect(Object.entries(requirements)).toEqual([[kind, value]]);
    expect(decoratorsOf(requirements)).toEqual([decorator]);
  });
});
