import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { stringsIn, type TokenRights } from '../claims/token-rights.js';
import { fail } from '../errors/option-asserts.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import type { RefusedToken } from '../issuer/token-adviser.js';
import { isJsonObject } from '../jws/json-object.js';
import { assertArguments, assertIssuerUrl, parseAudience } from './profile-arguments.js';
import { readRightsOfClient } from './provider-rights.js';
import { adviseOnWrongToken } from './wrong-tokens.js';

/** The facts of a realm of Keycloak. */
export interface KeycloakArguments {
  /** Where clients reach Keycloak, without a slash at the end: `https://sso.example.com`, or with its relative path. */
  readonly url: string;
  /** The name of the realm. */
  readonly realm: string;
  /** This service, as an audience mapper of the realm names it. */
  readonly audience: string | readonly string[];
}

/**
 * The option `accessToken` for a realm of Keycloak 26.4 or later. Realm roles are `roles` of the verdict, client roles are
 * `clientRoles`.
 *
 * @returns frozen, plain options; spread them to override some: `{ ...keycloak(…), jwksUri: 'https://…' }`
 * @throws TypeError that names the argument and the accepted form
 */
export function keycloak(facts: KeycloakArguments): JwtAccessTokenOptions {
  assertArguments(facts, 'keycloak()', ['url', 'realm', 'audience']);
  const { url, realm, audience } = facts;
  assertBaseUrl(url);
  assertRealm(realm);
  const issuer = `${url}/realms/${realm}`;
  return Object.freeze({
    issuer,
    audience: parseAudience(audience, 'keycloak() audience'),
    jwksUri: `${issuer}/protocol/openid-connect/certs`,
    typ: Object.freeze(['at+jwt', 'JWT']),
    readRights: readKeycloakRights,
    advise: adviseOnKeycloakToken,
  });
}

function assertBaseUrl(url: unknown): asserts url is string {
  const accepted =
    'the URL of Keycloak before /realms, in the form that iss has, without a slash at the end, such as "https://sso.example.com"';
  assertIssuerUrl(url, 'keycloak() url', accepted);
  const isBase = new URL(url).href.replace(/\/$/, '') === url && !/\/realms(?:\/|$)/.test(url);
  if (!isBase) fail('keycloak() url', accepted, { value: url });
}

function assertRealm(realm: unknown): asserts realm is string {
  // Dots alone would be a dot segment of the URL.
  if (typeof realm === 'string' && /^[\w.~-]+$/.test(realm) && !/^\.{1,2}$/.test(realm)) return;
  fail(
    'keycloak() realm',
    'the name of the realm, of letters, digits, "-", ".", "_" and "~"; for a realm with other characters, which iss has percent-encoded, write any name here and override what has it: { ...keycloak({ …, realm: "any" }), issuer, jwksUri }',
    { value: realm },
  );
}

function readKeycloakRights(claims: AccessTokenClaims): TokenRights {
  const clientRoles = Object.create(null) as Record<string, readonly string[]>;
  const { resource_access: access } = claims;
  for (const [client, roles] of Object.entries(isJsonObject(access) ? access : {})) {
    clientRoles[client] = rolesIn(roles);
  }
  return { ...readRightsOfClient(claims, 'azp'), roles: rolesIn(claims['realm_access']), clientRoles };
}

function rolesIn(access: unknown): readonly string[] {
  return isJsonObject(access) ? stringsIn(access['roles']) : [];
}

function adviseOnKeycloakToken(token: RefusedToken, issuer: string): string | undefined {
  const { reason, claims } = token;
  if (claims?.['iss'] !== issuer) return adviseOnOtherHost(token, issuer);
  const advice = adviseOnWrongToken(token);
  if (advice !== undefined) return advice;
  if (reason === 'token_audience')
    return 'add a mapper of the type Audience, with the audience of this service, to a client scope of the client in Keycloak: without one, aud is "account" or missing';
  if (reason === 'token_unbound')
    return 'switch on "Require DPoP bound tokens" for the client in Keycloak (26.4 or later), and let the client send a proof to the token endpoint';
  if (reason === 'token_inactive')
    return 'the session has ended or the token is revoked; if all tokens are refused, add a mapper of the type Audience that includes the client by which this service introspects: since 26.6.2, Keycloak calls a token inactive for clients outside of aud';
  return undefined;
}

function adviseOnOtherHost({ reason, claims }: RefusedToken, issuer: string): string | undefined {
  const iss = claims?.['iss'];
  const realm = issuer.slice(issuer.lastIndexOf('/realms/'));
  if (reason !== 'token_issuer' || typeof iss !== 'string' || !iss.endsWith(realm)) return undefined;
  return 'a realm of the same name at another URL issued it: set the option hostname of Keycloak, so that iss is the same for all clients, or list that issuer too';
}
