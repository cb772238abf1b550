import { DpopUnavailableError } from '../errors/dpop.error.js';
import { isObject } from '../http/is-object.js';
import { PrivateField } from '../http/private-field.js';
import type { AccessTokenClaims } from './access-token-claims.js';
import { readStandardRights, type RightsReader, type TokenRights } from './token-rights.js';

/** Claims with their rights in a private field: read once for each token, and not mixed with what the issuer said. */
class ClaimsWithRights extends PrivateField {
  readonly #rights: TokenRights;

  constructor(claims: AccessTokenClaims, rights: TokenRights) {
    super(claims);
    this.#rights = rights;
  }

  static rightsIn(claims: object): TokenRights | undefined {
    return #rights in claims ? claims.#rights : undefined;
  }
}

/**
 * Reads the rights of a verified token and keeps them with its claims.
 *
 * @param claims not frozen yet
 * @throws DpopUnavailableError `internal_failure` when the reader fails or returns something else
 */
export function attachRights<T extends AccessTokenClaims>(claims: T, read: RightsReader): T {
  return new ClaimsWithRights(claims, readRights(claims, read)) as unknown as T;
}

/** The rights that were attached to claims; otherwise the standard ones. */
export function rightsOf(claims: AccessTokenClaims): TokenRights {
  return ClaimsWithRights.rightsIn(claims) ?? freezeRights(readStandardRights(claims));
}

function readRights(claims: AccessTokenClaims, read: RightsReader): TokenRights {
  let rights: unknown;
  try {
    rights = read(claims);
  } catch (cause) {
    throw unreadable('readRights threw an error on the claims of a token', cause);
  }
  if (isRights(rights)) return freezeRights(rights);
  throw unreadable(
    'readRights must return { scopes, roles, clientRoles, permissions, clientId }; start from readStandardRights(claims)',
  );
}

function unreadable(advice: string, cause?: unknown): DpopUnavailableError {
  return new DpopUnavailableError('internal_failure', { advice, cause });
}

function isRights(value: unknown): value is TokenRights {
  if (!isObject(value)) return false;
  const { scopes, roles, clientRoles, permissions, clientId } = value;
  return (
    [scopes, roles, permissions].every(areStrings) &&
    isObject(clientRoles) &&
    Object.values(clientRoles).every(areStrings) &&
    (clientId === undefined || typeof clientId === 'string')
  );
}

function areStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function freezeRights({ scopes, roles, clientRoles, permissions, clientId }: TokenRights): TokenRights {
  return Object.freeze({
    scopes: Object.freeze([...scopes]),
    roles: Object.freeze([...roles]),
    clientRoles: freezeClientRoles(clientRoles),
    permissions: Object.freeze([...permissions]),
    clientId,
  });
}

function freezeClientRoles(clientRoles: TokenRights['clientRoles']): TokenRights['clientRoles'] {
  const copy = Object.create(null) as Record<string, readonly string[]>;
  for (const [client, roles] of Object.entries(clientRoles)) copy[client] = Object.freeze([...roles]);
  return Object.freeze(copy);
}
