import { describe, expect, test } from '@jest/globals';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { minProofBytes } from '../proof/proof-size.js';
import { isSupportedAlgorithm } from '../jws/algorithms.js';
import { MemoryStorage } from '../storage/memory.storage.js';
import { createConfig, type DpopConfig } from './dpop-config.js';

class OwnVerifier extends AccessTokenVerifier {
  override verify(): AccessTokenClaims {
    return {};
  }
}

const ISSUER = { issuer: 'https://auth.example.com', audience: 'api' };
const OTHER_ISSUER = { issuer: 'https://b.example.com', audience: 'api' };
const GOOD = { origin: 'https://api.example.com', accessToken: ISSUER };
const SECRET = 'c2VjcmV0LW9mLXRoZS1hcHA';
const STORE = { claim: () => 'first', epochOf: () => 'AAAAAAAA' };

/** Options come from JSON and from untyped code, too. */
type Untyped = Readonly<Record<string, unknown>>;

const configOf = (options: Untyped): DpopConfig => createConfig({ ...GOOD, ...options });

const ORIGIN_FORM =
  'origin must be an https URL such as "https://api.example.com", without query or fragment ' +
  '(http on loopback only, elsewhere with allowInsecureHttp: true), an array of those, "request" or a function';
const ALGORITHMS_FORM =
  'proof.algorithms must be an array of algorithms that this Node supports, of ' +
  'ES256, ES384, ES512, PS256, PS384, PS512, RS256, RS384, RS512, Ed25519, EdDSA, ML-DSA-44, ML-DSA-65, ML-DSA-87';
const TICKETS_FORM = 'tickets must be "forbid", or an object: { lifetimeSeconds: 30 }';
const NONCE_FORM = 'nonce must be "off" or "required", or an object: { mode: "required", secret: … }';
const METADATA_FORM =
  'metadata.url must be the https URL of the protected resource metadata (RFC 9728); ' +
  'http on loopback only, elsewhere with allowInsecureHttp: true';
const STORAGE_FORM =
  'storage must be a DpopStorage, such as new MemoryStorage() or the RedisStorage of nestjs-dpop/redis';

describe('an option of a wrong form is refused in these words (I4)', () => {
  const rows: readonly (readonly [Untyped, string])[] = [
    [{ isGlobal: true }, 'isGlobal must be given beside the factory: forRootAsync({ isGlobal, … })'],
    [
      { orgin: '' },
      'DpopModule options has no option "orgin"; known: origin, allowInsecureHttp, accessToken, confirmation, maxTokenBytes, proof, nonce, ' +
        'tickets, storage, onReplayStoreFailure, revocation, onRevocationFailure, bearer, enforcement, trial, realm, metadata, cache, logReceivedValues, unguardedRoutes, clock',
    ],
    [{ allowInsecureHttp: 1 }, 'allowInsecureHttp must be true or false; it is 1'],
    [{ logReceivedValues: 1 }, 'logReceivedValues must be true or false; it is 1'],
    [{ bearer: true }, 'bearer must be "reject" or "allow-unbound" or "forbid"; it is true'],
    [
      { onReplayStoreFailure: true },
      'onReplayStoreFailure must be "refuse" or "accept-and-report"; it is true',
    ],
    [{ unguardedRoutes: true }, 'unguardedRoutes must be "error" or "warn"; it is true'],
    [
      { clock: 5 },
      'clock must be a function that returns milliseconds since the epoch, such as Date.now; it is 5',
    ],
    [{ realm: 'ü' }, 'realm must be a string of printable ASCII; it is "ü"'],
    [{ origin: 5 }, `${ORIGIN_FORM}; it is 5`],
    [{ origin: 'nowhere' }, `${ORIGIN_FORM}; it is "nowhere"`],
    [{ origin: 'http://a.example' }, `${ORIGIN_FORM}; it is "http://a.example"`],
    [{ origin: 'nowhere', allowInsecureHttp: true }, `${ORIGIN_FORM}; it is "nowhere"`],
    [{ origin: ['https://a.example', 'ftp://b.example'] }, `${ORIGIN_FORM}; it is "ftp://b.example"`],
    [{ proof: 5 }, 'proof must be an object; it is a number'],
    [
      { proof: { maxAge: 5 } },
      'proof has no option "maxAge"; known: algorithms, maxAgeSeconds, futureToleranceSeconds, maxBytes, queryInHtu',
    ],
    [{ proof: { algorithms: 'ES256' } }, `${ALGORITHMS_FORM}; it is "ES256"`],
    [{ proof: { algorithms: ['ES256', 'HS256'] } }, `${ALGORITHMS_FORM}; it is [ 'HS256' ]`],
    [{ proof: { queryInHtu: 'drop' } }, 'proof.queryInHtu must be "ignore" or "reject"; it is "drop"'],
    [{ tickets: 5 }, `${TICKETS_FORM}; it is a number`],
    [{ tickets: null }, `${TICKETS_FORM}; it is null`],
    [{ tickets: 'allow' }, `${TICKETS_FORM}; it is a string`],
    [{ tickets: { lifetime: 5 } }, 'tickets has no option "lifetime"; known: lifetimeSeconds'],
    [
      { tickets: { lifetimeSeconds: 0 } },
      'tickets.lifetimeSeconds must be an integer from 1 to 300; it is 0',
    ],
    [
      { tickets: { lifetimeSeconds: 301 } },
      'tickets.lifetimeSeconds must be an integer from 1 to 300; it is 301',
    ],
    [{ nonce: 5 }, `${NONCE_FORM}; it is a number`],
    [{ nonce: null }, `${NONCE_FORM}; it is null`],
    [{ nonce: 'optional' }, 'nonce must be "off" or "required"; it is "optional"'],
    [{ nonce: 'x'.repeat(16) }, `nonce must be "off" or "required"; it is "${'x'.repeat(16)}"`],
    // What is longer may be a secret.
    [{ nonce: 'x'.repeat(17) }, NONCE_FORM],
    [{ nonce: { mode: 'optional' } }, 'nonce.mode must be "off" or "required"; it is "optional"'],
    [
      { nonce: { mode: 'off', ttl: 5 } },
      'nonce has no option "ttl"; known: mode, secret, lifetimeSeconds, freshness',
    ],
    [{ nonce: { mode: 'off', freshness: 'both' } }, 'nonce.freshness must be "iat" or "nonce"; it is "both"'],
    [
      { accessToken: [] },
      'accessToken must be the options of an issuer, an AccessTokenVerifier, or an array of those; it is empty',
    ],
    [
      { accessToken: [new OwnVerifier(), new OwnVerifier()] },
      'accessToken must be an array with at most one AccessTokenVerifier that takes tokens which name no listed issuer; ' +
        'of several verifiers with introspection, set opaqueTokens: false for all but one',
    ],
    [
      { accessToken: [OTHER_ISSUER, ISSUER, { ...ISSUER, audience: 'b' }] },
      'accessToken must be an array that lists each issuer once: accessToken[2].issuer repeats an issuer; ' +
        'for several audiences, set audience to an array; it is "https://auth.example.com"',
    ],
    [
      { metadata: 5 },
      'metadata must be an object: {} to serve the metadata, or { url } if another server does; it is a number',
    ],
    [
      { metadata: { url: 'https://a.example', resource: 5 } },
      'metadata has no option "resource" beside url, the place of a document that another server serves; leave one of them out',
    ],
    [{ metadata: { url: 5 } }, `${METADATA_FORM}; it is 5`],
    [{ metadata: { url: 'http://a.example' } }, `${METADATA_FORM}; it is "http://a.example"`],
    [{ storage: 'redis' }, `${STORAGE_FORM}; it is a string`],
    [
      { storage: {} },
      `${STORAGE_FORM}; this one lacks the method replayStore.claim, the method replayStore.epochOf, shared, true or false`,
    ],
    [
      {
        storage: { replayStore: { ...STORE, refreshEpoch: 5 }, nonceSecrets: {}, open: 5, close: 5, ping: 5 },
      },
      `${STORAGE_FORM}; this one lacks the method replayStore.refreshEpoch, the method nonceSecrets.secrets, ` +
        'the method open, the method close, the method ping, shared, true or false',
    ],
    [
      { storage: { replayStore: STORE, nonceSecrets: null, shared: true } },
      `${STORAGE_FORM}; this one lacks the method nonceSecrets.secrets`,
    ],
    [{ cache: 5 }, 'cache must be an object; it is a number'],
    [{ cache: { keys: 5 } }, 'cache has no option "keys"; known: maxKeys, maxTokens'],
  ];

  test.each(rows)('%j: %s', (options, message) => {
    let thrown: unknown;
    try {
      configOf(options);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(TypeError);
    expect((thrown as TypeError).message).toBe(message);
  });

  test('the options themselves', () => {
    expect(() => createConfig(undefined as never)).toThrow(
      'DpopModule options must be an object; it is undefined',
    );
  });

  test('a member of one issuer, and of one among several', () => {
    const bad = { ...ISSUER, audience: '' };
    expect(() => configOf({ accessToken: bad })).toThrow(/^accessToken\.audience must be /);
    expect(() => configOf({ accessToken: [OTHER_ISSUER, bad] })).toThrow(
      /^accessToken\[1\]\.audience must be /,
    );
  });

  test('a secret, which is not shown', () => {
    const shortSecret = { nonce: { mode: 'required', secret: SECRET } };
    expect(() => configOf(shortSecret)).toThrow(/^nonce\.secret must be (?!.*c2VjcmV0)/);
  });
});

/** ML-DSA needs Node 24.7. */
const testWithMlDsa = isSupportedAlgorithm('ML-DSA-44') ? test : test.skip;

describe('proofs that are too long for proof.maxBytes (I4)', () => {
  testWithMlDsa('are told at start, with the least that they need', () => {
    const maxBytes = minProofBytes('ML-DSA-44');
    const algorithms = ['ES256', 'ML-DSA-44'];
    expect(configOf({ proof: { algorithms, maxBytes } }).limits.proofBytes).toBe(maxBytes);
    expect(() => configOf({ proof: { algorithms, maxBytes: maxBytes - 1 } })).toThrow(
      `proof.maxBytes must be at least ${maxBytes}, because proof.algorithms lists ML-DSA-44; it is ${maxBytes - 1}`,
    );
  });
});

describe('an option of a right form (I4)', () => {
  test('may be several origins, issuers and one verifier of the app', () => {
    const own = new OwnVerifier();
    const { resolveOrigin, issuers, fallbackVerifier } = configOf({
      origin: ['https://a.example', 'http://localhost:3000'],
      accessToken: [ISSUER, own, OTHER_ISSUER],
    });
    expect(resolveOrigin({ method: 'GET', target: '/', rawHeaders: [] })).toEqual([
      'https://a.example',
      'http://localhost:3000',
    ]);
    expect(issuers).toMatchObject([ISSUER, OTHER_ISSUER]);
    expect(fallbackVerifier).toBe(own);
    expect(configOf({ accessToken: own })).toMatchObject({ issuers: [], fallbackVerifier: own });
  });

  test('may be a secret, which is decoded', () => {
    const secret = Buffer.alloc(32, 7);
    const { nonce } = configOf({ nonce: { mode: 'off', secret: secret.toString('base64url') } });
    expect(nonce.secrets?.map((bytes) => Buffer.from(bytes))).toEqual([secret]);
  });

  test('may be a storage with all its members, or with the necessary ones', () => {
    const storage = {
      shared: false,
      replayStore: { ...STORE, refreshEpoch: () => Promise.resolve() },
      nonceSecrets: { secrets: () => [] },
      open: () => {},
      close: () => {},
      ping: () => {},
    };
    expect(configOf({ storage }).storage).toBe(storage);
    const small = { shared: true, replayStore: STORE };
    expect(configOf({ storage: small }).storage).toBe(small);
    expect(configOf({}).storage).not.toBe(configOf({}).storage);
    expect(configOf({ storage: undefined }).storage).toBeInstanceOf(MemoryStorage);
  });
});
