import { askApp } from '../errors/app-answer.js';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { isJsonObject } from '../jws/json-object.js';
import type {
  AuthorizationDetail,
  AuthorizationDetailsRequirement,
  DpopPolicy,
  RequiredRole,
  VerdictPredicate,
} from './policy.js';
import type { DpopVerdict } from './verdict.js';

/**
 * The scopes that the route requires.
 *
 * @throws DpopError `scope_insufficient`
 */
export function assertScopes(verdict: DpopVerdict, { scopes, anyScope }: DpopPolicy): void {
  if (scopes !== undefined) {
    const missing = scopes.filter((scope) => !verdict.scopes.includes(scope));
    if (missing.length > 0) throw new DpopError('scope_insufficient', { scopes, missing });
  }
  if (anyScope !== undefined && !anyScope.some((scope) => verdict.scopes.includes(scope))) {
    throw new DpopError('scope_insufficient', { scopes: anyScope, expected: anyScope });
  }
}

/**
 * The roles, the permissions and the authorization details that the route requires.
 *
 * @throws DpopError with the code `insufficient_rights`; DpopUnavailableError when a predicate of the app fails
 */
export function assertRights(verdict: DpopVerdict, policy: DpopPolicy): void {
  const { roles, anyRole, permissions, authorizationDetails } = policy;
  if (roles !== undefined) {
    const missing = roles.filter((role) => !hasRole(verdict, role));
    if (missing.length > 0) {
      const details = { required: roles.map(describeRole), missing: missing.map(describeRole) };
      throw new DpopError('role_insufficient', details);
    }
  }
  if (anyRole !== undefined && !anyRole.some((role) => hasRole(verdict, role))) {
    throw new DpopError('role_insufficient', { expected: anyRole.map(describeRole) });
  }
  if (permissions !== undefined) {
    const missing = permissions.filter((permission) => !verdict.permissions.includes(permission));
    if (missing.length > 0)
      throw new DpopError('permission_insufficient', { required: permissions, missing });
  }
  authorizationDetails?.forEach((requirement) => assertAuthorizationDetails(verdict, requirement));
}

/** `clientRoles` has no prototype: a client may be called `constructor`. */
function hasRole({ roles, clientRoles }: DpopVerdict, role: RequiredRole): boolean {
  if (typeof role === 'string') return roles.includes(role);
  return clientRoles[role.client]?.includes(role.role) === true;
}

function describeRole(role: RequiredRole): string {
  return typeof role === 'string' ? role : `${role.role} of ${role.client}`;
}

/** RFC 9396 §2: an array of objects, each with a `type`. */
function assertAuthorizationDetails(
  { claims: { authorization_details: details } }: DpopVerdict,
  { type, predicate }: AuthorizationDetailsRequirement,
): void {
  const satisfies = (entry: unknown): boolean =>
    isOfType(entry, type) && (predicate === undefined || askAbout(entry, predicate));
  if (!Array.isArray(details) || !details.some(satisfies))
    throw new DpopError('authorization_details_insufficient', { required: [type] });
}

function isOfType(entry: unknown, type: string): entry is AuthorizationDetail {
  return isJsonObject(entry) && entry['type'] === type;
}

function askAbout(
  entry: AuthorizationDetail,
  predicate: NonNullable<AuthorizationDetailsRequirement['predicate']>,
): boolean {
  const answer = askApp(nameOf(predicate, '@RequireAuthorizationDetails()'), () => predicate(entry));
  if (typeof answer === 'boolean') return answer;
  // Without a handler, a promise that rejects would end the process.
  answer.catch(() => undefined);
  throw new DpopUnavailableError('internal_failure', {
    advice: `${nameOf(predicate, '@RequireAuthorizationDetails()')} must return true or false, not a promise; use @Require() for work that takes time`,
  });
}

/**
 * What the app asks about the verdict, in the order of the decorators.
 *
 * @returns a promise only if a predicate returned one
 * @throws DpopError `requirement_unmet`; DpopUnavailableError when a predicate of the app fails
 */
export function assertPredicates(
  verdict: DpopVerdict,
  predicates: readonly VerdictPredicate[],
): Promise<void> | undefined {
  for (const [index, predicate] of predicates.entries()) {
    const answer = askApp(nameOf(predicate, '@Require()'), () => predicate(verdict));
    if (typeof answer !== 'boolean')
      return awaitPredicates(verdict, answer, predicate, predicates.slice(index + 1));
    assertMet(answer, predicate);
  }
  return undefined;
}

async function awaitPredicates(
  verdict: DpopVerdict,
  answer: Promise<boolean>,
  predicate: VerdictPredicate,
  rest: readonly VerdictPredicate[],
): Promise<void> {
  assertMet(await answer, predicate);
  await assertPredicates(verdict, rest);
}

function assertMet(answer: boolean, { name }: VerdictPredicate): void {
  if (answer) return;
  throw new DpopError('requirement_unmet', { required: [name === '' ? 'an unnamed predicate' : name] });
}

function nameOf({ name }: { readonly name: string }, decorator: string): string {
  return name === '' ? `the predicate of ${decorator}` : `the predicate ${name} of ${decorator}`;
}
