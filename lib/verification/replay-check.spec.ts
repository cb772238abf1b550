import { describe, expect, test } from '@jest/globals';
import { createConfig } from '../config/dpop-config.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { claimId } from '../storage/claim-id.js';
import { type ReplayClaim, ReplayStore } from '../storage/replay.store.js';
import type { VerifiedProof } from './proof.verifier.js';
import { ReplayCheck } from './replay-check.js';

const NOW_SECONDS = 1_700_000_000;
const PROOF: VerifiedProof = {
  header: 'header',
  key: { jkt: 'thumbprint' } as VerifiedProof['key'],
  jti: 'jti',
  baseUrl: 'https://api.example.com',
  nonce: { expiresAtSeconds: NOW_SECONDS + 100, renewalDue: false, epoch: 'AAAAAAAB' },
  proofTimeSeconds: NOW_SECONDS - 0.5,
  freshUntilSeconds: NOW_SECONDS + 59.5,
};

class FakeStore extends ReplayStore {
  readonly claims: ReplayClaim[] = [];

  constructor(readonly answer: () => unknown = () => 'first') {
    super();
  }

  override claim(claim: ReplayClaim): Promise<never> {
    this.claims.push(claim);
    return this.answer() as Promise<never>;
  }

  override epochOf(): string {
    return 'AAAAAAAA';
  }
}

function checkWith(
  store: ReplayStore,
  options: Partial<DpopModuleOptions> = {},
  nowSeconds = NOW_SECONDS,
): ReplayCheck {
  const rules = createConfig({
    origin: 'https://api.example.com',
    accessToken: { issuer: 'https://auth.example.com', audience: 'api' },
    clock: () => nowSeconds * 1000,
    ...options,
  });
  return new ReplayCheck(rules, store);
}

describe('the claim of a proof', () => {
  test('names the proof by a digest, and times in whole seconds that are never too short (F2, F4)', async () => {
    const store = new FakeStore();
    expect(await checkWith(store).record(PROOF)).toBeUndefined();
    expect(store.claims).toEqual([
      {
        id: claimId('thumbprint', 'jti'),
        jkt: 'thumbprint',
        nowSeconds: NOW_SECONDS,
        proofTimeSeconds: NOW_SECONDS,
        freshUntilSeconds: NOW_SECONDS + 60,
        lifetimeSeconds: 90,
        epoch: 'AAAAAAAB',
      },
    ]);
  });

  test('of a proof without a nonce names no epoch (F6)', async () => {
    const store = new FakeStore();
    await checkWith(store).record({ ...PROOF, nonce: undefined });
    expect(store.claims).toMatchObject([{ epoch: undefined }]);
  });

  test('is made in the last instant in which the proof is fresh, and in none after it (F4)', async () => {
    const store = new FakeStore();
    await checkWith(store, {}, PROOF.freshUntilSeconds).record(PROOF);
    expect(store.claims).toHaveLength(1);
    const late = checkWith(store, { onReplayStoreFailure: 'accept-and-report' }, NOW_SECONDS + 61).record(
      PROOF,
    );
    await expect(late).rejects.toMatchObject({
      reason: 'proof_stale',
      details: { detail: 'iat', offBySeconds: 2 },
    });
    expect(store.claims).toHaveLength(1);
  });
});

describe('the answer of the store', () => {
  test.each([
    ['replayed', 'proof_replayed'],
    ['unknown', 'nonce_renewal'],
  ])('%s is a refusal: %s (F1, F6)', async (answer, reason) => {
    const check = checkWith(new FakeStore(() => answer), { onReplayStoreFailure: 'accept-and-report' });
    await expect(check.record(PROOF)).rejects.toMatchObject({ name: 'DpopError', reason });
  });

  test('that is none of the three is a failure, and the operator is told which there are (D9)', async () => {
    for (const options of [{}, { onReplayStoreFailure: 'accept-and-report' }] as const) {
      await expect(checkWith(new FakeStore(() => 'OK'), options).record(PROOF)).rejects.toMatchObject({
        reason: 'replay_store_unavailable',
        advice: 'ReplayStore.claim must answer "first", "replayed" or "unknown"',
      });
    }
  });

  test('that does not come is tolerated by option alone, and reported (F5)', async () => {
    const outage = new DpopUnavailableError('replay_store_unavailable');
    const store = new FakeStore(() => Promise.reject(outage));
    await expect(checkWith(store).record(PROOF)).rejects.toBe(outage);
    const tolerant = checkWith(store, { onReplayStoreFailure: 'accept-and-report' });
    expect(await tolerant.record(PROOF)).toBe(outage);
  });

  test.each([
    ['a full store', new DpopUnavailableError('replay_store_full'), 'replay_store_full'],
    ['any other error', new Error('gone'), 'internal_failure'],
  ])('%s is never tolerated (F5)', async (_what, thrown, reason) => {
    const store = new FakeStore(() => Promise.reject(thrown));
    const tolerant = checkWith(store, { onReplayStoreFailure: 'accept-and-report' });
    await expect(tolerant.record(PROOF)).rejects.toMatchObject({ name: 'DpopUnavailableError', reason });
  });
});
