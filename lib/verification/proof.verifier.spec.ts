import { hash } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { createConfig } from '../config/dpop-config.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import { StatelessNonceService } from '../nonce/stateless-nonce.service.js';
import type { ProofKey } from '../proof/proof-signature.js';
import { BoundedCache } from '../runtime/bounded-cache.js';
import { TestClient } from '../testing/index.js';
import { ProofVerifier } from './proof.verifier.js';

const NOW_SECONDS = 1_700_000_000;
const clock = () => NOW_SECONDS * 1000;
const URL = 'https://auth.example.com/token';
const REQUEST: DpopRequest = { method: 'POST', target: '/token', rawHeaders: [] };
const TOKEN = 'an-opaque-token';
const ath = hash('sha256', TOKEN, 'base64url');

const rules = createConfig({
  origin: 'https://auth.example.com',
  accessToken: { issuer: 'https://auth.example.com', audience: 'https://auth.example.com' },
  clock,
});
const nonces = new StatelessNonceService({
  secrets: new FixedNonceSecrets(),
  service: 'test',
  lifetimeSeconds: 120,
  clock,
});
const verifier = new ProofVerifier(rules, nonces);

let client: TestClient;
let other: TestClient;

beforeAll(async () => {
  client = await TestClient.create({ clock });
  other = await TestClient.create({ clock });
});

const proofOf = (changes: Parameters<TestClient['createProof']>[0] | object = {}) =>
  client.createProof({ method: 'POST', url: URL, ...changes });

describe('a proof without an access token', () => {
  test('is verified, though it has no ath (C1, C8, C9)', async () => {
    const proof = await verifier.verify(await proofOf(), REQUEST);
    expect(proof).toMatchObject({
      key: { jkt: client.jkt },
      nonce: undefined,
      proofTimeSeconds: NOW_SECONDS,
      freshUntilSeconds: NOW_SECONDS + 60,
    });
  });

  test('is refused with an ath: it was made for a protected resource (C12, G3)', async () => {
    const proof = await proofOf({ token: TOKEN });
    await expect(verifier.verify(proof, REQUEST)).rejects.toMatchObject({ reason: 'proof_ath_unexpected' });
  });

  test.each([
    ['proof_htm', { method: 'GET' }],
    ['proof_htu', { url: `${URL}s` }],
    ['proof_stale', { claims: { iat: NOW_SECONDS - 61 } }],
    ['proof_early', { claims: { iat: NOW_SECONDS + 31 } }],
    ['proof_typ', { header: { typ: 'JWT' } }],
    ['proof_claims', { claims: { jti: 5 } }],
    ['nonce_unacceptable', { nonce: 'not-one-of-this-server' }],
  ])('is refused for its other faults: %s (C1)', async (reason, changes) => {
    await expect(verifier.verify(await proofOf(changes), REQUEST)).rejects.toMatchObject({ reason });
  });

  test('is refused when its signature is not that of its key (C6)', async () => {
    const proof = await proofOf();
    const forged = `${proof.slice(0, -8)}AAAAAAAA`;
    await expect(verifier.verify(forged, REQUEST)).rejects.toMatchObject({ reason: 'proof_signature' });
  });
});

describe('the request that a proof is compared with', () => {
  test('has the method on the wire and the one that is routed, and both count (C8)', async () => {
    const request = { ...REQUEST, routedMethod: 'PUT' };
    await expect(verifier.verify(await proofOf(), request)).rejects.toMatchObject({ reason: 'proof_htm' });
    expect(await verifier.verify(await proofOf(), { ...REQUEST, routedMethod: 'POST' })).toBeDefined();
  });

  test('has a target that is routed as it is compared (C9)', async () => {
    for (const target of ['/a/../token', '/%2e/token']) {
      const refused = verifier.verify(await proofOf(), { ...REQUEST, target });
      await expect(refused).rejects.toMatchObject({ reason: 'target_unusable' });
    }
    const routed = { ...REQUEST, target: '/%74oken' };
    expect(await verifier.verify(await proofOf(), routed)).toBeDefined();
    const otherwise = verifier.verify(await proofOf(), { ...routed, areRoutedAlike: () => false });
    await expect(otherwise).rejects.toMatchObject({ reason: 'target_unusable' });
  });

  test('is compared without the query of htu, unless an option refuses one (C9)', async () => {
    const proof = () => proofOf({ claims: { htu: `${URL}?a=b` } });
    expect(await verifier.verify(await proof(), REQUEST)).toBeDefined();
    const strict = new ProofVerifier({ ...rules, proof: { ...rules.proof, queryInHtu: 'reject' } }, nonces);
    await expect(strict.verify(await proof(), REQUEST)).rejects.toMatchObject({ reason: 'proof_htu_query' });
  });
});

describe('a proof whose nonce tells its age', () => {
  const byNonce = new ProofVerifier({ ...rules, proof: { ...rules.proof, freshness: 'nonce' } }, nonces);
  const wrongClock = { claims: { iat: 1 } };

  test('is as fresh as its nonce, whatever its iat (C11)', async () => {
    const nonce = nonces.issue('AAAAAAAB');
    const { expiresAtSeconds } = nonces.check(nonce) ?? {};
    expect(expiresAtSeconds).toBeGreaterThan(NOW_SECONDS);
    expect(await byNonce.verify(await proofOf({ ...wrongClock, nonce }), REQUEST)).toMatchObject({
      nonce: { expiresAtSeconds, epoch: 'AAAAAAAB' },
      freshUntilSeconds: expiresAtSeconds,
      proofTimeSeconds: expiresAtSeconds,
    });
    // Where iat tells the age, the same nonce changes nothing.
    expect(await verifier.verify(await proofOf({ nonce }), REQUEST)).toMatchObject({
      freshUntilSeconds: NOW_SECONDS + 60,
      proofTimeSeconds: NOW_SECONDS,
    });
  });

  test('is asked for a nonce where it has none and its iat is of no use (C11)', async () => {
    const asked = byNonce.verify(await proofOf(wrongClock), REQUEST);
    await expect(asked).rejects.toMatchObject({ reason: 'nonce_missing' });
    expect(await byNonce.verify(await proofOf(), REQUEST)).toMatchObject({
      nonce: undefined,
      freshUntilSeconds: NOW_SECONDS + 60,
      proofTimeSeconds: NOW_SECONDS,
    });
  });

  test('is refused for an exp that has passed, not asked for another nonce (C11)', async () => {
    const late = { nonce: nonces.issue(), claims: { exp: NOW_SECONDS - 31 } };
    await expect(byNonce.verify(await proofOf(late), REQUEST)).rejects.toMatchObject({
      reason: 'proof_stale',
      details: { detail: 'exp' },
    });
  });
});

describe('a proof with an access token', () => {
  const verify = async (proof: string, jkt = client.jkt) =>
    await verifier.verify(proof, REQUEST, { jkt, ath });

  test('is verified (C12)', async () => {
    expect(await verify(await proofOf({ token: TOKEN }))).toMatchObject({ key: { jkt: client.jkt } });
  });

  test('is refused without ath, with that of another token, and for another key (C12)', async () => {
    await expect(verify(await proofOf())).rejects.toMatchObject({ reason: 'proof_claims' });
    await expect(verify(await proofOf({ token: 'another' }))).rejects.toMatchObject({ reason: 'proof_ath' });
    const bound = verify(await proofOf({ token: TOKEN }), other.jkt);
    await expect(bound).rejects.toMatchObject({ reason: 'key_binding' });
  });
});

test('a demand for a nonce carries none yet: the examination adds it (E1)', async () => {
  const refused = verifier.verify(await proofOf({ nonce: 'unknown' }), REQUEST);
  await expect(refused).rejects.toMatchObject({ reason: 'nonce_unacceptable', details: {} });
  await expect(refused).rejects.not.toHaveProperty('details.nonce');
});

test('the key of an accepted proof is remembered by its header (C6)', async () => {
  const first = await verifier.verify(await proofOf(), REQUEST);
  verifier.rememberKey(first);
  const second = await verifier.verify(await proofOf(), REQUEST);
  expect(second.key).toBe(first.key);
});

test('a key is remembered once, with what its header takes (C6)', async () => {
  const entries: unknown[] = [];
  class WatchedCache extends BoundedCache<ProofKey> {
    override set(...entry: Parameters<BoundedCache<ProofKey>['set']>): void {
      entries.push(entry);
      super.set(...entry);
    }
  }
  const watched = new ProofVerifier(rules, nonces, new WatchedCache(rules.cache.keys));
  const proof = await watched.verify(await proofOf(), REQUEST);
  watched.rememberKey(proof);
  watched.rememberKey(proof);
  expect(entries).toEqual([[proof.header, proof.key, 2 * proof.header.length]]);
});
