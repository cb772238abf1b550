import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import type { TokenRights } from '../claims/token-rights.js';
import { fail } from '../errors/option-asserts.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import type { RefusedToken } from '../issuer/token-adviser.js';
import { assertArguments, parseAudience } from './profile-arguments.js';
import { readRightsOfClient } from './provider-rights.js';
import { adviseOnWrongToken } from './wrong-tokens.js';

/** The facts of an API in Microsoft Entra ID. */
export interface EntraArguments {
  /** The id of the tenant, a GUID in lower case. */
  readonly tenantId: string;
  /** The client id of the API, a GUID. In version 1 also its App ID URI. */
  readonly audience: string | readonly string[];
  /** `requestedAccessTokenVersion` in the manifest of the API, default 2. Where the manifest has null, it is 1. */
  readonly version?: 1 | 2;
}

const GUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;
const LOGIN = 'https://login.microsoftonline.com';
const STS = 'https://sts.windows.net';
const ALGORITHMS = Object.freeze(['RS256']);

/**
 * The option `accessToken` for an API in Microsoft Entra ID. App roles are `roles` of the verdict.
 *
 * **Experimental.** Microsoft documents nowhere how Entra ID issues tokens that are bound according to RFC 9449. The form of
 * tokens is that of its unbound ones; bound tokens were never seen. This function may change in any release.
 *
 * @experimental
 * @returns frozen, plain options; spread them to override some, such as issuer and jwksUri for a national cloud
 * @throws TypeError that names the argument and the accepted form
 */
export function entra(facts: EntraArguments): JwtAccessTokenOptions {
  assertArguments(facts, 'entra()', ['tenantId', 'audience', 'version']);
  const { tenantId, audience, version = 2 } = facts;
  assertTenant(tenantId);
  if (version !== 1 && version !== 2) {
    fail('entra() version', '1 or 2, the requestedAccessTokenVersion of the API', { value: version });
  }
  return Object.freeze({
    issuer: version === 2 ? `${LOGIN}/${tenantId}/v2.0` : `${STS}/${tenantId}/`,
    audience: version === 2 ? parseClientIds(audience) : parseAudience(audience, 'entra() audience'),
    jwksUri: `${LOGIN}/${tenantId}/discovery/v2.0/keys`,
    typ: 'JWT',
    algorithms: ALGORITHMS,
    readRights: readEntraRights,
    advise: adviseOnEntraToken,
  });
}

function assertTenant(tenantId: unknown): asserts tenantId is string {
  if (typeof tenantId === 'string' && GUID.test(tenantId)) return;
  const accepted = 'the id of one tenant, a GUID in lower case';
  const isShared = ['common', 'organizations', 'consumers'].includes(String(tenantId));
  fail(
    'entra() tenantId',
    isShared
      ? `${accepted}; tokens never name a group of tenants as issuer: list entra({ … }) once for each tenant`
      : accepted,
    { value: tenantId },
  );
}

function parseClientIds(audience: unknown): string | readonly string[] {
  const accepted =
    'the client id of the API, a GUID in lower case, or an array of those; only tokens of version 1 name an App ID URI in aud';
  return parseAudience(audience, 'entra() audience', accepted, (item) => GUID.test(item));
}

function readEntraRights(claims: AccessTokenClaims): TokenRights {
  return readRightsOfClient(claims, 'azp', 'appid');
}

const GRAPH = new Set(['00000003-0000-0000-c000-000000000000', 'https://graph.microsoft.com']);
const isGraph = (aud: unknown): boolean => typeof aud === 'string' && GRAPH.has(aud.replace(/\/$/, ''));

function adviseOnEntraToken(token: RefusedToken, issuer: string): string | undefined {
  const { reason, header, claims } = token;
  if (header?.['typ'] === 'pop')
    return 'the client sent a signed HTTP request of Microsoft (PoP), which does not follow RFC 9449: it must send an access token and a DPoP proof';
  const iss = claims?.['iss'];
  if (typeof iss !== 'string' || !isOfEntra(iss, issuer)) return undefined;
  if (isGraph(claims?.['aud']))
    return 'the token is for Microsoft Graph, which alone can verify it: let the client ask for a scope of this API, such as api://{client id}/{scope}';
  if (iss !== issuer) return adviseOnOtherIssuer(token, iss, issuer);
  const advice = adviseOnWrongToken(token);
  if (advice !== undefined) return advice;
  if (reason === 'token_audience')
    return 'let the client ask Entra ID for a scope of this API; audience is the client id of the API, in tokens of version 1 possibly its App ID URI';
  if (reason === 'token_unbound')
    return "Microsoft documents no way to have Entra ID issue DPoP-bound tokens: until it does, only a route with @Dpop({ bearer: 'allow-unbound' }) takes this token, as Bearer";
  return undefined;
}

/** National clouds, too, if the issuer that was set is one of theirs. */
function isOfEntra(iss: string, issuer: string): boolean {
  return [LOGIN, STS, new URL(issuer).origin].some((origin) => iss.startsWith(`${origin}/`));
}

function adviseOnOtherIssuer({ reason }: RefusedToken, iss: string, issuer: string): string | undefined {
  if (reason !== 'token_issuer') return undefined;
  const [tenant, otherTenant] = [issuer, iss].map((url) => url.split('/')[3]);
  if (tenant !== otherTenant)
    return 'another tenant of Entra ID issued it: list entra({ … }) for that tenant too if its users may call this service';
  return issuer.endsWith('/v2.0')
    ? 'the token has version 1: set requestedAccessTokenVersion to 2 in the manifest of the API, or give entra() version: 1'
    : 'the token has version 2: give entra() version: 2 (the default), or set requestedAccessTokenVersion to 1 in the manifest of the API';
}
