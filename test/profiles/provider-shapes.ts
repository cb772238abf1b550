import { auth0, entra, type JwtAccessTokenOptions, keycloak, okta, rfc9068 } from 'nestjs-dpop';
import { TestIssuer } from 'nestjs-dpop/testing';

type Json = Readonly<Record<string, unknown>>;

/** A provider as its documentation shows it: what the service is told of it, and what its tokens look like. */
export interface Provider {
  readonly options: JwtAccessTokenOptions;
  /** Header parameters beside `alg` and `kid`; `undefined` removes one of the test issuer's. */
  readonly header: Json;
  /** Claims beside `iss`, `aud`, `iat`, `exp`, `jti`, `sub` and `cnf`. */
  readonly claims: Json;
  /** What the verdict has of them. */
  readonly rights: {
    readonly scopes: readonly string[];
    readonly roles: readonly string[];
    readonly clientRoles: Readonly<Record<string, readonly string[]>>;
    readonly permissions: readonly string[];
    readonly clientId: string;
  };
}

export const TENANT = '5c2d1f6e-0f3b-4a3e-9a51-6b1d2f3c4e5a';
export const API = '9b0f6d0a-7c1e-4a55-8a33-0d9e8f7a6b5c';
export const APP = '1d4c3b2a-6f5e-4d7c-8b9a-a0b1c2d3e4f5';

const NONE = { scopes: [], roles: [], clientRoles: {}, permissions: [] };
/** Of the test issuer, which the other providers do not send. */
const WITHOUT_CLIENT_ID = { client_id: undefined };

export const PROVIDERS = {
  keycloak: {
    options: keycloak({ url: 'https://sso.example.com', realm: 'main', audience: 'accounts-api' }),
    header: { typ: 'JWT' },
    claims: {
      ...WITHOUT_CLIENT_ID,
      aud: ['accounts-api', 'account'],
      typ: 'DPoP',
      azp: 'web-app',
      sid: '1f0c9d5e',
      acr: '1',
      'allowed-origins': ['https://app.example.com'],
      realm_access: { roles: ['offline_access', 'teller'] },
      resource_access: {
        'accounts-api': { roles: ['reader', 'writer'] },
        account: { roles: ['view-profile'] },
      },
      scope: 'openid accounts:read',
      preferred_username: 'ada',
    },
    rights: {
      ...NONE,
      scopes: ['openid', 'accounts:read'],
      roles: ['offline_access', 'teller'],
      clientRoles: { 'accounts-api': ['reader', 'writer'], account: ['view-profile'] },
      clientId: 'web-app',
    },
  },
  auth0: {
    options: auth0({ domain: 'example.eu.auth0.com', audience: 'https://accounts.example.com' }),
    header: { typ: 'JWT' },
    claims: {
      ...WITHOUT_CLIENT_ID,
      sub: 'auth0|65f0',
      aud: ['https://accounts.example.com', 'https://example.eu.auth0.com/userinfo'],
      azp: 'qMzN0vXw',
      scope: 'openid accounts:read',
      permissions: ['read:accounts', 'close:accounts'],
    },
    rights: {
      ...NONE,
      scopes: ['openid', 'accounts:read'],
      permissions: ['read:accounts', 'close:accounts'],
      clientId: 'qMzN0vXw',
    },
  },
  okta: {
    options: okta({
      domain: 'example.okta.com',
      authorizationServerId: 'default',
      audience: 'api://default',
    }),
    header: { typ: undefined },
    claims: {
      ...WITHOUT_CLIENT_ID,
      ver: 1,
      sub: 'ada@example.com',
      cid: '0oa1gs1k2',
      uid: '00u1gs1k3',
      scp: ['openid', 'accounts:read'],
      auth_time: 1_893_455_000,
      groups: ['Everyone', 'Tellers'],
    },
    rights: { ...NONE, scopes: ['openid', 'accounts:read'], clientId: '0oa1gs1k2' },
  },
  entra: {
    options: entra({ tenantId: TENANT, audience: API }),
    header: { typ: 'JWT' },
    claims: {
      ...WITHOUT_CLIENT_ID,
      jti: undefined,
      azp: APP,
      azpacr: '1',
      oid: 'c0ffee00-1111-4222-8333-444455556666',
      roles: ['Accounts.Teller'],
      scp: 'Accounts.Read Accounts.Close',
      tid: TENANT,
      uti: 'x7Kd0',
      ver: '2.0',
    },
    rights: {
      ...NONE,
      scopes: ['Accounts.Read', 'Accounts.Close'],
      roles: ['Accounts.Teller'],
      clientId: APP,
    },
  },
  entraV1: {
    options: entra({ tenantId: TENANT, audience: 'api://accounts', version: 1 }),
    header: { typ: 'JWT' },
    claims: {
      ...WITHOUT_CLIENT_ID,
      jti: undefined,
      appid: APP,
      appidacr: '1',
      roles: ['Accounts.Teller'],
      scp: 'Accounts.Read',
      tid: TENANT,
      ver: '1.0',
    },
    rights: { ...NONE, scopes: ['Accounts.Read'], roles: ['Accounts.Teller'], clientId: APP },
  },
  rfc9068: {
    options: rfc9068({ issuer: 'https://auth.example.com', audience: 'https://api.example.com' }),
    header: { typ: 'at+jwt' },
    claims: { client_id: 's6BhdRkqt3', scope: 'accounts:read', roles: ['teller'] },
    rights: { ...NONE, scopes: ['accounts:read'], roles: ['teller'], clientId: 's6BhdRkqt3' },
  },
} as const satisfies Readonly<Record<string, Provider>>;

export type ProviderName = keyof typeof PROVIDERS;
export const PROVIDER_NAMES = Object.keys(PROVIDERS) as readonly ProviderName[];

export const providerOf = (name: ProviderName): Provider => PROVIDERS[name];

/** An issuer with the name and the audience of the provider, and a key of RS256, which all of them use. */
export function issuerOf(name: ProviderName, clock: () => number): Promise<TestIssuer> {
  const { issuer, audience } = providerOf(name).options;
  return TestIssuer.create({ issuer, audience: String(audience), algorithm: 'RS256', clock });
}

/** The audience that tokens of the provider have. */
export const audienceOf = (name: ProviderName): unknown =>
  providerOf(name).claims['aud'] ?? providerOf(name).options.audience;
