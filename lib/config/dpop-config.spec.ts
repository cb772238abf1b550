import { describe, expect, test } from '@jest/globals';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import { DEFAULT_ALGORITHMS } from '../jws/algorithms.js';
import { systemClock } from '../runtime/clock.js';
import { MemoryStorage } from '../storage/memory.storage.js';
import { createConfig, type DpopConfig } from './dpop-config.js';
import type { DpopModuleOptions } from './dpop-options.js';

const ISSUER = { issuer: 'https://auth.example.com', audience: 'https://api.example.com' };
const REQUIRED: DpopModuleOptions = { origin: 'https://api.example.com', accessToken: ISSUER };
const ALGS = 'ES256 ES384 ES512 PS256 PS384 PS512 RS256 RS384 RS512 Ed25519 EdDSA';

const configOf = (options: Partial<DpopModuleOptions> = {}): DpopConfig =>
  createConfig({ ...REQUIRED, ...options });

describe('a configuration (I4)', () => {
  test('has a default for each option but origin and accessToken, and is frozen', () => {
    const { resolveOrigin, storage, issuers, ...rest } = configOf();
    expect(rest).toEqual({
      clock: systemClock,
      policy: { nonce: 'off', bearer: 'reject', enforcement: 'enforce' },
      forbidsBearer: false,
      forbidsTickets: false,
      tickets: { lifetimeSeconds: 30 },
      limits: { tokenBytes: 8192, proofBytes: 8192 },
      proof: {
        algorithms: new Set(DEFAULT_ALGORITHMS),
        maxAgeSeconds: 60,
        futureToleranceSeconds: 30,
        queryInHtu: 'ignore',
        freshness: 'iat',
      },
      proofLifetimeSeconds: 90,
      nonce: {
        mode: 'off',
        secrets: undefined,
        lifetimeSeconds: 120,
        freshness: 'iat',
        service: expect.any(String) as unknown,
      },
      origins: [REQUIRED.origin],
      allowInsecureHttp: false,
      challenge: { algs: ALGS, realm: undefined, resourceMetadata: undefined },
      metadata: undefined,
      resolution: undefined,
      issuerVerifiers: [],
      fallbackVerifier: undefined,
      confirmation: undefined,
      onReplayStoreFailure: 'refuse',
      revocation: undefined,
      onRevocationFailure: 'refuse',
      logReceivedValues: false,
      unguardedRoutes: 'error',
      cache: {
        keys: { maxEntries: 10_000, maxBytes: 40_960_000 },
        tokens: { maxEntries: 10_000, maxBytes: 40_960_000 },
      },
    });
    expect(resolveOrigin({ method: 'GET', target: '/', rawHeaders: [] })).toEqual([REQUIRED.origin]);
    expect(storage).toBeInstanceOf(MemoryStorage);
    expect(issuers).toMatchObject([ISSUER]);
    expect(Object.isFrozen(configOf())).toBe(true);
  });

  test('has each value that is given', () => {
    const storage = new MemoryStorage();
    const clock = () => 0;
    const confirmation = () => true;
    const revocation = { isRevoked: () => false };
    expect(
      configOf({
        maxTokenBytes: 300,
        proof: {
          algorithms: ['ES256', 'Ed25519'],
          maxAgeSeconds: 5,
          futureToleranceSeconds: 2,
          maxBytes: 600,
          queryInHtu: 'reject',
        },
        nonce: { mode: 'required', lifetimeSeconds: 7, freshness: 'nonce' },
        storage,
        confirmation,
        onReplayStoreFailure: 'accept-and-report',
        revocation,
        onRevocationFailure: 'accept-and-report',
        bearer: 'allow-unbound',
        realm: 'bank',
        metadata: { url: 'https://api.example.com/metadata' },
        cache: { maxKeys: 3, maxTokens: 4 },
        logReceivedValues: true,
        unguardedRoutes: 'warn',
        clock,
      }),
    ).toMatchObject({
      clock,
      policy: { nonce: 'required', bearer: 'allow-unbound' },
      forbidsBearer: false,
      limits: { tokenBytes: 300, proofBytes: 600 },
      proof: {
        algorithms: new Set(['ES256', 'Ed25519']),
        maxAgeSeconds: 5,
        futureToleranceSeconds: 2,
        queryInHtu: 'reject',
        freshness: 'nonce',
      },
      nonce: { lifetimeSeconds: 7 },
      challenge: {
        algs: 'ES256 Ed25519',
        realm: 'bank',
        resourceMetadata: 'https://api.example.com/metadata',
      },
      storage,
      confirmation,
      onReplayStoreFailure: 'accept-and-report',
      revocation,
      onRevocationFailure: 'accept-and-report',
      logReceivedValues: true,
      unguardedRoutes: 'warn',
      cache: {
        keys: { maxEntries: 3, maxBytes: 12_288 },
        tokens: { maxEntries: 4, maxBytes: 16_384 },
      },
    });
  });

  const bounds: readonly (readonly [
    string,
    (value: number) => Partial<DpopModuleOptions>,
    number,
    number,
  ])[] = [
    ['maxTokenBytes', (maxTokenBytes) => ({ maxTokenBytes }), 256, 65_536],
    ['proof.maxAgeSeconds', (maxAgeSeconds) => ({ proof: { maxAgeSeconds } }), 1, 3600],
    ['proof.futureToleranceSeconds', (seconds) => ({ proof: { futureToleranceSeconds: seconds } }), 0, 3600],
    ['proof.maxBytes', (maxBytes) => ({ proof: { maxBytes } }), 512, 65_536],
    ['nonce.lifetimeSeconds', (lifetimeSeconds) => ({ nonce: { mode: 'off', lifetimeSeconds } }), 1, 3600],
    ['cache.maxKeys', (maxKeys) => ({ cache: { maxKeys } }), 0, 10_000_000],
    ['cache.maxTokens', (maxTokens) => ({ cache: { maxTokens } }), 0, 10_000_000],
    [
      'storage.replayStore.deadlineMs',
      (deadlineMs) => ({
        storage: {
          shared: true,
          replayStore: { deadlineMs, claim: () => 'first', epochOf: () => 'AAAAAAAA' },
        },
      }),
      1,
      60_000,
    ],
  ];

  test.each(bounds)('takes %s within its bounds, both included', (option, withValue, min, max) => {
    expect(() => configOf(withValue(min))).not.toThrow();
    expect(() => configOf(withValue(max))).not.toThrow();
    const words = `${option} must be an integer from ${min} to ${max}; it is`;
    expect(() => configOf(withValue(min - 1))).toThrow(words);
    expect(() => configOf(withValue(max + 1))).toThrow(words);
  });

  test('accepts http beyond loopback for origin, issuer and metadata with allowInsecureHttp alone', () => {
    const http: DpopModuleOptions = {
      origin: 'http://api.internal',
      accessToken: { issuer: 'http://auth.internal', audience: 'api' },
      metadata: { url: 'http://api.internal/metadata' },
    };
    const { resolveOrigin, challenge } = createConfig({ ...http, allowInsecureHttp: true });
    expect(challenge.resourceMetadata).toBe('http://api.internal/metadata');
    expect(resolveOrigin({ method: 'GET', target: '/', rawHeaders: [] })).toEqual([http.origin]);
    const request = { method: 'GET', target: '/', rawHeaders: [], protocol: 'http', host: 'api.internal' };
    expect(configOf({ origin: 'request', allowInsecureHttp: true }).resolveOrigin(request)).toEqual([
      http.origin,
    ]);
    for (const name of ['origin', 'accessToken', 'metadata'] as const)
      expect(() => configOf({ [name]: http[name] })).toThrow(name);
  });
});

describe('the longest life of a proof (F4)', () => {
  test('is its age and the tolerance together', () => {
    const { proofLifetimeSeconds } = configOf({ proof: { maxAgeSeconds: 100, futureToleranceSeconds: 20 } });
    expect(proofLifetimeSeconds).toBe(120);
  });

  test('covers three windows where the nonce tells the age, if that is longer', () => {
    const withLifetime = (lifetimeSeconds: number) =>
      configOf({ nonce: { mode: 'required', lifetimeSeconds, freshness: 'nonce' } }).proofLifetimeSeconds;
    expect([10, 30, 31].map(withLifetime)).toEqual([90, 90, 93]);
  });
});

describe('what nonces are bound to (E3)', () => {
  const serviceOf = (options: Partial<DpopModuleOptions> = {}): string => configOf(options).nonce.service;

  test('is equal for equal services, whatever their other options are', () => {
    const other = serviceOf({ maxTokenBytes: 1000, nonce: 'required', bearer: 'allow-unbound' });
    expect(other).toBe(serviceOf());
    expect(serviceOf({ origin: () => 'https://a.example' })).toBe(
      serviceOf({ origin: () => 'https://b.example' }),
    );
  });

  test('differs with realm, origin, issuer, audience and the rule of freshness', () => {
    const services = [
      serviceOf(),
      serviceOf({ realm: 'bank' }),
      serviceOf({ origin: 'request' }),
      serviceOf({ origin: () => 'https://api.example.com' }),
      serviceOf({ origin: 'https://b.example.com' }),
      serviceOf({ accessToken: { ...ISSUER, issuer: 'https://b.example.com' } }),
      serviceOf({ accessToken: { ...ISSUER, audience: 'b' } }),
      serviceOf({ nonce: { mode: 'off', freshness: 'nonce' } }),
    ];
    expect(new Set(services).size).toBe(services.length);
  });

  test('stays the same from version to version: an update of the library refuses no nonce', () => {
    expect(serviceOf()).toBe(
      '[null,["https://api.example.com"],[["https://auth.example.com","https://api.example.com"]]]',
    );
    expect(serviceOf({ realm: 'bank', nonce: { mode: 'off', freshness: 'nonce' } })).toBe(
      '["bank",["https://api.example.com"],[["https://auth.example.com","https://api.example.com"]],"freshness by nonce"]',
    );
  });
});

describe('a service that forbids more than it enforces (K1, J2)', () => {
  test('has no Bearer on any route, and no tickets', () => {
    const { policy, forbidsBearer, forbidsTickets } = configOf({ bearer: 'forbid', tickets: 'forbid' });
    expect(policy).toMatchObject({ bearer: 'reject', enforcement: 'enforce' });
    expect([forbidsBearer, forbidsTickets]).toEqual([true, true]);
    const { forbidsBearer: bearer, forbidsTickets: tickets } = configOf({});
    expect([bearer, tickets]).toEqual([false, false]);
  });

  test('may report, but not where Bearer is forbidden', () => {
    expect(configOf({ enforcement: 'report' }).policy).toMatchObject({ enforcement: 'report' });
    expect(configOf({ enforcement: 'enforce', bearer: 'forbid' }).forbidsBearer).toBe(true);
    expect(() => configOf({ enforcement: 'report', bearer: 'forbid' })).toThrow(
      new TypeError(
        `enforcement must be 'enforce' beside bearer: 'forbid': 'report' lets Bearer through; it is "report"`,
      ),
    );
    expect(() => configOf({ enforcement: 'log' as 'report' })).toThrow(
      new TypeError('enforcement must be "enforce" or "report"; it is "log"'),
    );
    expect(() => configOf({ onRevocationFailure: 'accept' as 'refuse' })).toThrow(
      new TypeError('onRevocationFailure must be "refuse" or "accept-and-report"; it is "accept"'),
    );
  });
});

describe('options that are tried (K1)', () => {
  const revocation = { isRevoked: () => false } as never;

  test('are those of the service with others in their place', () => {
    const { trial } = configOf({ realm: 'bank', trial: { nonce: 'required', maxTokenBytes: 300 } });
    expect(trial).toMatchObject({
      policy: { nonce: 'required' },
      limits: { tokenBytes: 300 },
      challenge: { realm: 'bank' },
      trial: undefined,
      hasOwnTokens: false,
      hasOwnRevocation: false,
    });
    expect(Object.isFrozen(trial)).toBe(true);
    expect(configOf({}).trial).toBeUndefined();
  });

  test('may be each of those that decide about a request', () => {
    const accessToken = { issuer: 'http://auth.internal', audience: 'api' };
    const all = {
      origin: 'http://api.internal',
      allowInsecureHttp: true,
      accessToken,
      confirmation: 'jkt-only',
      maxTokenBytes: 300,
      proof: { maxAgeSeconds: 5 },
      nonce: 'required',
      revocation,
      onRevocationFailure: 'accept-and-report',
      bearer: 'forbid',
    } as const;
    expect(configOf({ trial: all }).trial).toMatchObject({
      hasOwnTokens: true,
      hasOwnRevocation: true,
      confirmation: 'jkt-only',
      forbidsBearer: true,
      onRevocationFailure: 'accept-and-report',
    });
  });

  test('are told apart from those of the service when they are wrong', () => {
    expect(() => configOf({ trial: 5 as never })).toThrow(
      new TypeError('trial must be an object; it is a number'),
    );
    expect(() => configOf({ trial: { realm: 'x' } as never })).toThrow(
      new TypeError(
        'trial has no option "realm"; known: origin, allowInsecureHttp, accessToken, confirmation, maxTokenBytes, proof, nonce, revocation, onRevocationFailure, bearer',
      ),
    );
    expect(() => configOf({ trial: { maxTokenBytes: 1 } })).toThrow(
      new TypeError('trial: maxTokenBytes must be an integer from 256 to 65536; it is 1'),
    );
    const thrown = new RangeError('of the app');
    const hostile = {
      get origin(): string {
        throw thrown;
      },
    };
    expect(() => configOf({ trial: hostile })).toThrow('of the app');
  });
});

describe('what else the token is bound to (B11, I4)', () => {
  test('is checked by a function, left aside, or refused', () => {
    const confirmation = () => true;
    expect(configOf({ confirmation }).confirmation).toBe(confirmation);
    expect(configOf({ confirmation: 'jkt-only' }).confirmation).toBe('jkt-only');
    expect(configOf({}).confirmation).toBeUndefined();
    for (const wrong of ['jkt', true, {}])
      expect(() => configOf({ confirmation: wrong as never })).toThrow(
        /^confirmation must be a function of cnf and the request that returns true or false, such as confirmClientCertificate, or "jkt-only"; it is /,
      );
    expect(() => configOf({ confirmation: 'jkt' as never })).toThrow(/; it is "jkt"$/);
  });
});

test('the metadata name the issuers of the service, also those of verifiers (H)', () => {
  class Verifier extends AccessTokenVerifier {
    override readonly issuer = 'https://b.test';

    override verify(): never {
      throw new Error('not called');
    }
  }
  const accessToken = [{ issuer: 'https://a.test', audience: 'api' }, new Verifier()];
  expect(configOf({ accessToken, metadata: {} }).metadata?.authorizationServers).toEqual([
    'https://a.test',
    'https://b.test',
  ]);
});
