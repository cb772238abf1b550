import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { createConfig } from '../config/dpop-config.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import { StatelessNonceService } from '../nonce/stateless-nonce.service.js';
import { type RevocableToken, RevocationChecker } from '../revocation/revocation.checker.js';
import { MemoryReplayStore } from '../storage/memory-replay.store.js';
import { TestClient } from '../testing/index.js';
import { DpopVerifier } from './dpop.verifier.js';
import type { DpopPolicy } from './policy.js';

const URL = 'https://api.example.com/accounts';
const POLICY: DpopPolicy = { nonce: 'off', bearer: 'reject' };
const CLOCK = () => 1_800_000_000_000;

let client: TestClient;
let store: MemoryReplayStore;
let confirmation: AccessTokenClaims['cnf'];
let rememberToken: () => void | Promise<void>;
let answerRevocation: (token: RevocableToken) => unknown;

class FakeTokens extends AccessTokenVerifier {
  override verify(): AccessTokenClaims {
    return { sub: 'user', cnf: { jkt: client.jkt, ...confirmation } };
  }

  override remember(): void | Promise<void> {
    return rememberToken();
  }
}

class FakeRevocations extends RevocationChecker {
  override isRevoked(token: RevocableToken): never {
    return answerRevocation(token) as never;
  }
}

const nonces = new StatelessNonceService({
  secrets: new FixedNonceSecrets(),
  service: 'test',
  lifetimeSeconds: 120,
  clock: CLOCK,
});

beforeAll(async () => {
  client = await TestClient.create({ clock: CLOCK });
});

beforeEach(() => {
  store = new MemoryReplayStore();
  confirmation = undefined;
  rememberToken = () => undefined;
  answerRevocation = () => false;
});

function verifierWith(options: Partial<DpopModuleOptions> = {}): DpopVerifier {
  const accessTokens = new FakeTokens();
  const rules = createConfig({
    origin: 'https://api.example.com',
    accessToken: accessTokens,
    clock: CLOCK,
    ...options,
  });
  return new DpopVerifier({
    rules,
    accessTokens,
    nonces,
    replayStore: store,
    revocation: new FakeRevocations(),
  });
}

async function request(): Promise<DpopRequest> {
  const proof = await client.createProof({ method: 'GET', url: URL, token: 'token' });
  return {
    method: 'GET',
    target: '/accounts',
    rawHeaders: ['Authorization', 'DPoP token', 'DPoP', proof],
  };
}

/** An answer at once, and one that comes as a promise. */
const WAYS = [
  ['at once', (answer: boolean) => answer],
  ['by a promise', (answer: boolean) => Promise.resolve(answer)],
] as const;

describe.each(WAYS)('an answer of the app that comes %s', (_how, by) => {
  test('decides whether the token is revoked, before anything is recorded (B9)', async () => {
    const asked: RevocableToken[] = [];
    answerRevocation = (token) => (asked.push(token), by(true));
    await expect(verifierWith().verify(await request())).rejects.toMatchObject({ reason: 'token_revoked' });
    expect(asked).toMatchObject([{ jkt: client.jkt, subject: 'user' }]);
    expect(store.size).toBe(0);
    answerRevocation = () => by(false);
    expect(await verifierWith().verify(await request())).toMatchObject({ subject: 'user' });
    expect(store.size).toBe(1);
  });

  test('decides whether the token is revoked while the request goes on (B9)', async () => {
    const examination = verifierWith().examine(await request());
    await examination.authorize(POLICY);
    answerRevocation = () => by(true);
    await expect(examination.authorize(POLICY)).rejects.toMatchObject({ reason: 'token_revoked' });
  });

  test('decides whether the second confirmation is met (B11)', async () => {
    confirmation = { 'x5t#S256': 'certificate' };
    const verifying = async (answer: boolean) =>
      await verifierWith({ confirmation: () => by(answer) }).verify(await request());
    expect(await verifying(true)).toMatchObject({ subject: 'user' });
    await expect(verifying(false)).rejects.toMatchObject({ reason: 'confirmation_mismatch' });
    expect(store.size).toBe(1);
  });

  test('decides whether the route takes the request (B13)', async () => {
    const verifying = async (answer: boolean) =>
      await verifierWith().verify(await request(), { predicates: [() => by(answer)] });
    expect(await verifying(true)).toMatchObject({ subject: 'user' });
    await expect(verifying(false)).rejects.toMatchObject({ reason: 'requirement_unmet' });
    expect(store.size).toBe(1);
  });
});

describe('a revocation checker that fails', () => {
  test('is named beside the verdict where the option tolerates it, and only then (B9, F5)', async () => {
    const examination = verifierWith({ onRevocationFailure: 'accept-and-report' }).examine(await request());
    expect(examination.revocationFailure).toBeUndefined();
    const outage = new DpopUnavailableError('revocation_unavailable');
    for (const answer of [() => Promise.reject(outage), () => raise(outage)]) {
      answerRevocation = answer;
      expect(await examination.authorize(POLICY)).toMatchObject({ subject: 'user' });
      expect(examination.revocationFailure).toBe(outage);
      answerRevocation = () => false;
      await examination.authorize(POLICY);
      expect(examination.revocationFailure).toBeUndefined();
    }
    answerRevocation = () => raise(outage);
    await expect(verifierWith().verify(await request())).rejects.toBe(outage);
  });
});

function raise(error: Error): never {
  throw error;
}

describe('a verifier of tokens that remembers them', () => {
  test('has done so before the verdict is given (B8)', async () => {
    let hasRemembered = false;
    rememberToken = async () => {
      await Promise.resolve();
      hasRemembered = true;
    };
    await verifierWith().verify(await request());
    expect(hasRemembered).toBe(true);
  });

  test('fails the request when it cannot (B8, D8)', async () => {
    rememberToken = () => Promise.reject(new Error('no room'));
    await expect(verifierWith().verify(await request())).rejects.toMatchObject({
      name: 'DpopUnavailableError',
      reason: 'internal_failure',
    });
  });
});

describe('the subject of an examination (D9)', () => {
  test('is known once the client has proved possession of its key, also if it is refused', async () => {
    const examination = verifierWith().examine(await request());
    expect(examination.subject).toBeUndefined();
    await expect(examination.authorize({ ...POLICY, scopes: ['write'] })).rejects.toThrow();
    expect(examination.subject).toMatchObject({ jkt: client.jkt });
    const verdict = await examination.authorize(POLICY);
    expect(examination.subject).toBe(verdict);
  });

  test('is not known for a proof that is refused', async () => {
    const { rawHeaders } = await request();
    const elsewhere = verifierWith().examine({ method: 'GET', target: '/other', rawHeaders });
    await expect(elsewhere.authorize(POLICY)).rejects.toMatchObject({ reason: 'proof_htu' });
    expect(elsewhere.subject).toBeUndefined();
  });
});
