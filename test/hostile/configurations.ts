import type { DpopModuleOptions } from '../../lib/index.js';
import {
  fapi2,
  type IssuerResolutionOptions,
  keycloak,
  MemoryStorage,
  okta,
  type ReplayClaim,
  type ReplayOutcome,
  ReplayStore,
  rfc9068,
} from '../../lib/index.js';
import type { RecordingAppOptions } from '../support/recording-app.js';
import { AUDIENCE, clock, ISSUER, ORIGIN } from './baseline.js';
import { BrittleDenyList } from './brittle-deny-list.js';
import { type Change, field, hosts, htu, nonce } from './changes.js';
import { ed25519Jwk, SMALL_ORDER_POINTS } from './forgeries.js';
import { createIntrospectingIssuer } from './introspecting-issuer.js';
import { clients, issuers, keySetOf, thumbprintOf } from './keys.js';

/** A service under test: its options, what its challenges must say, and what makes the baseline right for it. */
export interface Configuration {
  readonly dpop: DpopModuleOptions;
  readonly app?: Omit<RecordingAppOptions, 'dpop'>;
  readonly offersBearer?: boolean;
  readonly algs?: string;
  /** Parameters of every challenge. */
  readonly everywhere?: Readonly<Record<string, string>>;
  readonly baseline?: readonly Change[];
  /** The service that a neighbour runs whose nonces rows present here: another process of the same one, or its past. */
  readonly twin?: ConfigurationName;
  /** Names that the app itself exposes to scripts, and still must (D7). In lower case. */
  readonly exposes?: readonly string[];
  /** When a service that was filled up serves again. */
  readonly recoversAfterSeconds?: number;
}

export const DEFAULT_ALGS = 'ES256 ES384 ES512 PS256 PS384 PS512 RS256 RS384 RS512 Ed25519 EdDSA';
export const METADATA_URL = 'https://api.example.com/.well-known/oauth-protected-resource';
export const SECOND_ISSUER = 'https://second.example.com';
export const SECOND_AUDIENCE = 'urn:example:second';
export const KEYCLOAK = 'https://sso.example.com';
export const KEYCLOAK_ISSUER = `${KEYCLOAK}/realms/main`;
export const OKTA_ISSUER = 'https://okta.example.com/oauth2/default';
export const STRICT_ISSUER = 'https://strict.example.com';
export const BROKEN_ISSUER = 'https://broken.example.com';
/** The field that names the tenant of a request. */
export const TENANT_FIELD = 'X-Tenant';
export const UNREACHABLE_ISSUER = 'https://down.example.com';

const secret = new Uint8Array(32).fill(7);
const nextSecret = new Uint8Array(32).fill(8);
const mainIssuer = { issuer: ISSUER, audience: AUDIENCE, keys: keySetOf(issuers.main) };
const secondIssuer = {
  issuer: SECOND_ISSUER,
  audience: SECOND_AUDIENCE,
  keys: keySetOf(issuers.second),
  typ: 'JWT',
};
const rsaIssuer = { ...secondIssuer, keys: keySetOf(issuers.rsa) };
/** All with the key of the main issuer, or with one and the same other key: only the rules of a profile tell them apart. */
const profiles = [
  { ...keycloak({ url: KEYCLOAK, realm: 'main', audience: AUDIENCE }), keys: keySetOf(issuers.main) },
  {
    ...okta({ domain: 'okta.example.com', authorizationServerId: 'default', audience: 'api://default' }),
    keys: keySetOf(issuers.rsa),
  },
  { ...rfc9068({ issuer: STRICT_ISSUER, audience: AUDIENCE }), keys: keySetOf(issuers.main) },
];
const unreachableIssuer = {
  issuer: UNREACHABLE_ISSUER,
  audience: AUDIENCE,
  // Nobody listens on the first port of loopback.
  jwksUri: 'http://127.0.0.1:1/jwks',
};

/** The first tenant trusts the main issuer, the second one the second issuer, and no other one any. */
const tenants: IssuerResolutionOptions = {
  tenantOf: ({ rawHeaders }) => {
    const at = rawHeaders.findIndex((name) => name.toLowerCase() === TENANT_FIELD.toLowerCase());
    return at === -1 ? 'first' : (rawHeaders[at + 1] ?? '');
  },
  resolveIssuer: (issuer, tenant) => {
    if (issuer === BROKEN_ISSUER) throw new Error('the directory is down');
    if (issuer === ISSUER && tenant === 'first') return mainIssuer;
    return issuer === SECOND_ISSUER && tenant === 'second' ? secondIssuer : undefined;
  },
};

/** Its keys of small order are named as they are there. */
const smallOrderIssuer = {
  ...mainIssuer,
  keys: {
    keys: [
      ...mainIssuer.keys.keys,
      ...Object.entries(SMALL_ORDER_POINTS).map(([kid, point]) => ({
        kty: 'OKP',
        ...ed25519Jwk(point),
        kid,
      })),
    ],
  },
};

/** Each app has a replay memory of its own, although it shares everything else. */
const options = (changes: Partial<DpopModuleOptions> = {}): DpopModuleOptions => ({
  origin: ORIGIN,
  accessToken: mainIssuer,
  nonce: { mode: 'off', secret },
  clock: () => clock.nowMs,
  ...changes,
});

const loopbackRequest: Change = (draft, context) => {
  const host = `127.0.0.1:${context.port}`;
  return htu(`http://${host}/accounts`)(hosts(host)(draft, context), context);
};

/** Remembers as ever, but breaks down for some clients: so that the same service also passes the baseline. */
class BrittleReplayStore extends ReplayStore {
  readonly #storage = new MemoryStorage();

  override claim(claim: ReplayClaim): ReplayOutcome {
    if (claim.jkt === thumbprintOf(clients.unlucky.publicJwk)) throw new Error('the store is down');
    if (claim.jkt === thumbprintOf(clients.puzzling.publicJwk)) return 'OK' as ReplayOutcome;
    return this.#storage.replayStore.claim(claim);
  }

  override epochOf(): string {
    return this.#storage.replayStore.epochOf();
  }
}

export type ConfigurationName =
  | 'default'
  | 'nonce'
  | 'nonce-freshness'
  | 'secret-rotated'
  | 'secret-replaced'
  | 'bearer'
  | 'origin-request'
  | 'trusted-proxy'
  | 'prefix'
  | 'loopback'
  | 'insecure-http'
  | 'query-reject'
  | 'only-es256'
  | 'two-issuers'
  | 'tenants'
  | 'profiles'
  | 'fapi2'
  | 'realm'
  | 'metadata'
  | 'metadata-request'
  | 'cors'
  | 'after-loss'
  | 'infrastructure'
  | 'full-store'
  | 'small-order-issuer'
  | 'revocation'
  | 'introspection';

export const CONFIGURATIONS: Readonly<Record<ConfigurationName, () => Configuration>> = {
  default: () => ({ dpop: options() }),
  nonce: () => ({
    dpop: options({ nonce: { mode: 'required', secret } }),
    baseline: [nonce(({ present }) => present)],
    twin: 'nonce',
  }),
  'secret-rotated': () => ({
    dpop: options({ nonce: { mode: 'required', secret: [nextSecret, secret] } }),
    baseline: [nonce(({ present }) => present)],
    twin: 'nonce',
  }),
  'secret-replaced': () => ({
    dpop: options({ nonce: { mode: 'required', secret: nextSecret } }),
    baseline: [nonce(({ present }) => present)],
    twin: 'nonce',
  }),
  'nonce-freshness': () => ({
    dpop: options({ nonce: { mode: 'required', secret, freshness: 'nonce' } }),
    baseline: [nonce(({ present }) => present)],
  }),
  bearer: () => ({ dpop: options({ bearer: 'allow-unbound' }), offersBearer: true }),
  'origin-request': () => ({ dpop: options({ origin: 'request' }), baseline: [loopbackRequest] }),
  'trusted-proxy': () => ({
    dpop: options({ origin: 'request' }),
    app: { trustProxy: true },
    baseline: [field('X-Forwarded-Host', 'api.example.com'), field('X-Forwarded-Proto', 'https')],
  }),
  prefix: () => ({
    dpop: options({ origin: ['https://edge.example.com/v1/', 'https://api.example.com'] }),
  }),
  loopback: () => ({
    dpop: options({ origin: 'http://localhost:3000' }),
    baseline: [htu('http://localhost:3000/accounts')],
  }),
  'insecure-http': () => ({
    dpop: options({ origin: 'http://api.example.com', allowInsecureHttp: true }),
    baseline: [htu('http://api.example.com/accounts')],
  }),
  'query-reject': () => ({ dpop: options({ proof: { queryInHtu: 'reject' } }) }),
  'only-es256': () => ({ dpop: options({ proof: { algorithms: ['ES256'] } }), algs: 'ES256' }),
  'two-issuers': () => ({ dpop: options({ accessToken: [mainIssuer, secondIssuer] }) }),
  tenants: () => ({ dpop: options({ accessToken: tenants }) }),
  profiles: () => ({ dpop: options({ accessToken: [mainIssuer, ...profiles] }) }),
  fapi2: () => ({
    dpop: fapi2(options({ accessToken: [mainIssuer, rsaIssuer] })),
    algs: 'PS256 ES256 Ed25519 EdDSA',
  }),
  realm: () => ({
    dpop: options({ realm: 'an "other" realm', metadata: { url: METADATA_URL }, bearer: 'allow-unbound' }),
    offersBearer: true,
    everywhere: { realm: 'an "other" realm', resource_metadata: METADATA_URL },
  }),
  metadata: () => ({
    dpop: options({ origin: [ORIGIN, 'https://edge.example.com/v1'], metadata: {} }),
    everywhere: { resource_metadata: METADATA_URL },
  }),
  'metadata-request': () => ({
    dpop: options({ origin: 'request', metadata: {} }),
    baseline: [loopbackRequest],
  }),
  cors: () => ({
    dpop: options(),
    exposes: ['x-total'],
    app: {
      onlyGet: true,
      before: (app) => app.enableCors({ origin: 'https://app.example.com', exposedHeaders: ['X-Total'] }),
    },
  }),
  'after-loss': () => ({
    dpop: options({ storage: new MemoryStorage({ afterDataLoss: 'challenge' }) }),
    baseline: [nonce(({ present }) => present)],
    twin: 'after-loss',
  }),
  infrastructure: () => ({
    dpop: options({
      accessToken: [mainIssuer, unreachableIssuer],
      storage: { replayStore: new BrittleReplayStore(), shared: true },
      bearer: 'allow-unbound',
    }),
    offersBearer: true,
  }),
  'full-store': () => ({
    dpop: options({ storage: new MemoryStorage({ maxEntries: 1 }) }),
    recoversAfterSeconds: 120,
  }),
  'small-order-issuer': () => ({ dpop: options({ accessToken: smallOrderIssuer }) }),
  introspection: () => ({
    dpop: options({ accessToken: createIntrospectingIssuer() }),
    recoversAfterSeconds: 2,
  }),
  revocation: () => ({
    dpop: options({ revocation: new BrittleDenyList(), bearer: 'allow-unbound' }),
    offersBearer: true,
  }),
};
