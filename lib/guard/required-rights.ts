import { assertFunction, assertKnownNames, fail } from '../errors/option-asserts.js';
import { isObject } from '../http/is-object.js';
import type { AuthorizationDetailsRequirement, RequiredRole } from '../verification/policy.js';

/** Parsers of the values of decorators. Each throws a `TypeError` that names the decorator and the accepted form. */

const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** Whether a challenge can carry the value in a list that is separated by spaces (RFC 6749 §3.3, RFC 9470 §3). */
export function isScopeToken(value: unknown): value is string {
  return typeof value === 'string' && SCOPE_TOKEN.test(value);
}

export function parseScopes(decorator: string, scopes: readonly unknown[]): readonly string[] {
  if (scopes.length === 0 || !scopes.every(isScopeToken)) {
    fail(`${decorator}()`, `given one or more scopes, such as ${decorator}("accounts:read")`, {
      value: scopes,
    });
  }
  return Object.freeze([...new Set(scopes)]);
}

export function parsePermissions(decorator: string, permissions: readonly unknown[]): readonly string[] {
  if (permissions.length === 0 || !permissions.every(isName)) {
    fail(`${decorator}()`, `given one or more permissions, such as ${decorator}("read:accounts")`, {
      value: permissions,
    });
  }
  return Object.freeze([...new Set(permissions)]);
}

export function parseRoles(decorator: string, roles: readonly unknown[]): readonly RequiredRole[] {
  if (roles.length === 0) fail(`${decorator}()`, acceptedRoles(decorator), { value: roles });
  return Object.freeze(roles.map((role) => parseRole(decorator, role)));
}

function parseRole(decorator: string, role: unknown): RequiredRole {
  if (isName(role)) return role;
  const accepted = acceptedRoles(decorator);
  if (!isObject(role) || Array.isArray(role)) fail(`${decorator}()`, accepted, { value: role });
  assertKnownNames(role, `${decorator}()`, ['client', 'role']);
  const { client, role: name } = role;
  if (!isName(client) || !isName(name)) fail(`${decorator}()`, accepted, { value: role });
  return Object.freeze({ client, role: name });
}

function acceptedRoles(decorator: string): string {
  return `given one or more roles, such as ${decorator}("admin") or, for the role of a client, ${decorator}({ client: "accounts", role: "editor" })`;
}

export function parseAuthorizationDetails(
  decorator: string,
  type: unknown,
  predicate: unknown,
): AuthorizationDetailsRequirement {
  if (!isName(type)) {
    fail(`${decorator}()`, `given the type of authorization details, such as ${decorator}("payment")`, {
      value: type,
    });
  }
  if (predicate === undefined) return Object.freeze({ type });
  assertFunction(
    predicate,
    `${decorator}() predicate`,
    'a function of one entry that returns true or false',
    {
      value: predicate,
    },
  );
  return Object.freeze({ type, predicate: predicate as (detail: unknown) => boolean });
}

export function assertPredicate(decorator: string, predicate: unknown): void {
  assertFunction(predicate, `${decorator}()`, 'given a function of the verdict that returns true or false', {
    value: predicate,
  });
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
