import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { JwtAccessTokenVerifier } from '../lib/access-token/jwt-access-token.verifier.js';
import type { PresentedJwt } from '../lib/access-token/presented-jwt.js';
import { TrustedIssuersVerifier } from '../lib/access-token/trusted-issuers.verifier.js';
import { DPOP_CONFIG } from '../lib/config/injection-tokens.js';
import {
  AccessTokenVerifier,
  DpopModule,
  MemoryReplayStore,
  NonceService,
  ReplayStore,
} from '../lib/index.js';
import type { ProofKey } from '../lib/proof/proof-signature.js';
import { BoundedCache, type CacheBounds } from '../lib/runtime/bounded-cache.js';
import { TestClient, TestIssuer } from '../lib/testing/index.js';
import { DpopVerifier } from '../lib/verification/dpop.verifier.js';
import type { DpopVerifierParts } from '../lib/verification/verifier-parts.js';
import { athOf } from './hostile/draft.js';
import { BARE_REQUEST } from './support/bare-request.js';

const ORIGIN = 'https://api.test';
const NOW_SECONDS = 1_800_000_000;
const ROOMY: CacheBounds = { maxEntries: 100, maxBytes: 100_000 };
const clock = () => NOW_SECONDS * 1000;

/** A client, its token, and the header segment that all its proofs share. */
interface Holder {
  readonly client: TestClient;
  readonly token: string;
  readonly header: string;
}

/** The parts of a verifier as an app makes them. */
async function startService(issuer: TestIssuer) {
  @Module({ imports: [DpopModule.forRoot({ origin: ORIGIN, accessToken: issuer.accessToken, clock })] })
  class ServiceModule {}
  const app = await NestFactory.createApplicationContext(ServiceModule, { logger: false });
  const parts: DpopVerifierParts = {
    rules: app.get(DPOP_CONFIG),
    accessTokens: app.get(AccessTokenVerifier),
    nonces: app.get(NonceService),
    replayStore: app.get(ReplayStore),
  };
  return { parts, close: () => app.close() };
}

const headerOf = (proof: string) => proof.slice(0, proof.indexOf('.'));

describe('known keys come from accepted requests alone (F3, C6)', () => {
  let issuer: TestIssuer;
  let rogue: TestIssuer;
  let parts: DpopVerifierParts;
  let close: () => Promise<void>;

  beforeAll(async () => {
    issuer = await TestIssuer.create({ clock });
    rogue = await TestIssuer.create({ clock });
    ({ parts, close } = await startService(issuer));
  });

  afterAll(() => close());

  test('an attacker with many keys and no valid token of theirs evicts nobody', async () => {
    const victims = [await createHolder(), await createHolder()];
    const keys = new BoundedCache<ProofKey>({ ...ROOMY, maxEntries: victims.length });
    for (const victim of victims)
      expect(await present(keys, victim.token, await proofOf(victim))).toBe('accepted');

    const reasons = new Set<string>();
    for (let attacker = 0; attacker < 25; attacker += 1) {
      const client = await TestClient.create({ clock });
      for (const [token, proof] of await attacksOf(client, victims[attacker % 2] as Holder)) {
        const outcome = await present(keys, token, proof);
        expect(outcome).not.toBe('accepted');
        reasons.add(outcome);
      }
    }

    expect(reasons.size).toBeGreaterThanOrEqual(8);
    expect(keys.size).toBe(victims.length);
    for (const { header } of victims) expect(keys.get(header)).toBeDefined();
  });

  test('entries are bounded: who is accepted is known, and one who was is not any more', async () => {
    const keys = new BoundedCache<ProofKey>({ ...ROOMY, maxEntries: 2 });
    const holders = [await createHolder(), await createHolder(), await createHolder()];
    for (const holder of holders)
      expect(await present(keys, holder.token, await proofOf(holder))).toBe('accepted');
    expect(holders.map(({ header }) => keys.get(header) !== undefined)).toEqual([false, true, true]);
  });

  test('bytes are bounded: a long header takes the room of others, and none takes more than there is', async () => {
    const [first, second] = [await createHolder(), await createHolder()];
    const keys = new BoundedCache<ProofKey>({ maxEntries: 100, maxBytes: 3 * first.header.length });
    for (const holder of [first, second]) await present(keys, holder.token, await proofOf(holder));
    expect(keys.size).toBe(1);
    const huge = await proofOf(second, { kid: 'k'.repeat(1000) });
    expect(await present(keys, second.token, huge)).toBe('accepted');
    expect([keys.size, keys.get(headerOf(huge))]).toEqual([1, undefined]);
  });

  /** Whatever somebody can send who listens in on a victim, and has keys. */
  async function attacksOf(client: TestClient, victim: Holder) {
    const own = { client, token: victim.token, header: '' };
    const right = await proofOf(victim);
    const spent = await proofOf(victim, { kid: `spent-${client.jkt}` });
    await present(new BoundedCache<ProofKey>(ROOMY), victim.token, spent);
    const withToken = async (token: string) => [token, await proofOf({ ...own, token })] as const;
    const jwk = { ...victim.client.publicJwk };
    return [
      await withToken(victim.token),
      await withToken(await rogue.issueToken({ client })),
      await withToken(await issuer.issueToken({ client, expiresInSeconds: -60 })),
      await withToken(await issuer.issueToken({ client, claims: { aud: 'https://other.test' } })),
      await withToken(await issuer.issueToken()),
      await withToken('garbage'),
      // Under the victim's key, which is in the token, but not signed by it.
      [victim.token, await proofOf(own, { jwk })],
      [victim.token, await proofOf(own, { jwk: { ...jwk, kid: client.jkt } })],
      [victim.token, await proofOf(own, { jwk, kid: client.jkt })],
      [victim.token, spent],
      [victim.token, `${right.slice(0, -4)}AAAA`],
      [victim.token, await proofOf(victim, { kid: client.jkt }, { htm: 'POST' })],
      [victim.token, await proofOf(victim, { kid: client.jkt }, { iat: NOW_SECONDS - 61 })],
    ] as const;
  }

  async function createHolder(): Promise<Holder> {
    const client = await TestClient.create({ clock });
    const token = await issuer.issueToken({ client });
    return { client, token, header: headerOf(await proofOf({ client, token, header: '' })) };
  }

  async function proofOf({ client, token }: Holder, header = {}, claims = {}): Promise<string> {
    return await client.createProof({ method: 'GET', url: `${ORIGIN}/accounts`, token, header, claims });
  }

  async function present(keys: BoundedCache<ProofKey>, token: string, proof: string): Promise<string> {
    const rawHeaders = ['Authorization', `DPoP ${token}`, 'DPoP', proof];
    try {
      await new DpopVerifier({ ...parts, knownKeys: keys }).verify({
        method: 'GET',
        target: '/accounts',
        rawHeaders,
      });
      return 'accepted';
    } catch (error) {
      return (error as { readonly reason: string }).reason;
    }
  }
});

test('however many ask about a request that lacks a nonce, its epoch is refreshed once (F6)', async () => {
  const issuer = await TestIssuer.create({ clock });
  const client = await TestClient.create({ clock });
  const { parts, close } = await startService(issuer);
  const looks: string[] = [];
  class Watching extends MemoryReplayStore {
    override refreshEpoch(jkt: string): Promise<void> {
      looks.push(jkt);
      return Promise.resolve();
    }
  }
  const token = await issuer.issueToken({ client });
  const proof = await client.createProof({ method: 'GET', url: `${ORIGIN}/a`, token });
  const request = {
    method: 'GET',
    target: '/a',
    rawHeaders: ['Authorization', `DPoP ${token}`, 'DPoP', proof],
  };
  const watched = { ...parts, replayStore: new Watching() };
  const examination = new DpopVerifier(watched).examine(request);
  const policy = { ...parts.rules.policy, nonce: 'required' } as const;
  const asked = await Promise.allSettled(Array.from({ length: 3 }, () => examination.authorize(policy)));
  const missing = {
    status: 'rejected',
    reason: expect.objectContaining({ reason: 'nonce_missing' }) as unknown,
  };
  expect(asked).toEqual([missing, missing, missing]);
  expect(looks).toEqual([client.jkt]);
  await close();
});

test('a client that has not proved to hold its key causes no refresh of the epoch (F6)', async () => {
  const issuer = await TestIssuer.create({ clock });
  const client = await TestClient.create({ clock });
  const { parts, close } = await startService(issuer);
  const refreshed: string[] = [];
  class Watching extends MemoryReplayStore {
    override refreshEpoch(jkt: string): Promise<void> {
      refreshed.push(jkt);
      return Promise.resolve();
    }
  }
  const token = await issuer.issueToken({ client });
  const rules = { ...parts.rules, proof: { ...parts.rules.proof, freshness: 'nonce' } } as const;
  const verifier = new DpopVerifier({ ...parts, rules, replayStore: new Watching() });
  const stale = { method: 'GET', url: `${ORIGIN}/a`, token, claims: { iat: NOW_SECONDS - 3600 } };
  const forged = `${(await client.createProof(stale)).slice(0, -8)}AAAAAAAA`;
  const rawHeaders = ['Authorization', `DPoP ${token}`, 'DPoP', forged];
  await expect(verifier.verify({ method: 'GET', target: '/a', rawHeaders })).rejects.toMatchObject({
    reason: 'nonce_missing',
    details: { nonce: expect.any(String) },
  });
  expect(refreshed).toStrictEqual([]);
  await close();
});

describe('known tokens (B1)', () => {
  test('tokens that are not valid evict none that is', async () => {
    const issuer = await TestIssuer.create({ clock });
    const rogue = await TestIssuer.create({ clock });
    const { verifier, verified, accept } = counting(issuer, { ...ROOMY, maxEntries: 2 });
    const good = [await issuer.issueToken(), await issuer.issueToken()];
    for (const token of good) await accept(token);

    for (let attempt = 0; attempt < 20; attempt += 1) {
      const bad = [
        await rogue.issueToken(),
        await issuer.issueToken({ expiresInSeconds: -60 }),
        await issuer.issueToken({ claims: { aud: 'https://other.test' } }),
        await issuer.issueToken({ claims: { nbf: NOW_SECONDS + 60 } }),
        await issuer.issueToken({ header: { typ: 'JWT' } }),
        `${(await issuer.issueToken()).slice(0, -6)}AAAAAA`,
        `garbage-${attempt}`,
      ];
      for (const token of bad)
        await expect(asPromise(() => verifier.verify(token, athOf(token), BARE_REQUEST))).rejects.toThrow();
    }

    verified.length = 0;
    for (const token of good) await accept(token);
    expect(verified).toStrictEqual([]);
  });

  test('tokens that are valid, but come without a proof of their key, evict none', async () => {
    const issuer = await TestIssuer.create({ clock });
    const { verifier, verified, accept } = counting(issuer, { ...ROOMY, maxEntries: 2 });
    const good = [await issuer.issueToken(), await issuer.issueToken()];
    for (const token of good) await accept(token);
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const token = await issuer.issueToken();
      await verifier.verify(token, athOf(token), BARE_REQUEST);
    }
    verified.length = 0;
    for (const token of good) await accept(token);
    expect(verified).toStrictEqual([]);
  });

  test('are those of accepted requests, and no others', async () => {
    const issuer = await TestIssuer.create({ clock });
    const client = await TestClient.create({ clock });
    const { verifier, verified } = counting(issuer, ROOMY);
    const { parts, close } = await startService(issuer);
    const token = await issuer.issueToken({ client });
    const attempt = async (jti: string, policy = {}) => {
      const proof = await client.createProof({ method: 'GET', url: `${ORIGIN}/a`, token, claims: { jti } });
      const rawHeaders = ['Authorization', `DPoP ${token}`, 'DPoP', proof];
      const request = { method: 'GET', target: '/a', rawHeaders };
      return await new DpopVerifier({ ...parts, accessTokens: verifier }).verify(request, policy).then(
        () => 'accepted',
        ({ reason }: { readonly reason: string }) => reason,
      );
    };
    expect(await attempt('one', { nonce: 'required' })).toBe('nonce_missing');
    expect(await attempt('one', { scopes: ['write'] })).toBe('scope_insufficient');
    expect(await attempt('one')).toBe('accepted');
    expect(verified).toEqual([token, token, token]);
    expect(await attempt('one')).toBe('proof_replayed');
    expect(await attempt('two')).toBe('accepted');
    expect(verified).toHaveLength(3);
    await close();
  });

  test('are bounded in entries and in bytes', async () => {
    const issuer = await TestIssuer.create({ clock });
    const tokens = [await issuer.issueToken(), await issuer.issueToken(), await issuer.issueToken()];
    const bytes = 2 * Math.max(...tokens.map(({ length }) => length));
    for (const bounds of [
      { ...ROOMY, maxEntries: 2 },
      { ...ROOMY, maxBytes: 2 * bytes },
    ]) {
      const { verified, accept } = counting(issuer, bounds);
      for (const token of [...tokens, ...tokens.toReversed()]) await accept(token);
      // The last two are known; the first has gone, and comes again.
      expect(verified).toEqual([...tokens, tokens[0]]);
    }
  });

  test("are dropped when the issuer's keys turn (B8)", async () => {
    const issuer = await TestIssuer.listen({ clock });
    try {
      const { verifier, verified, accept } = counting(issuer, ROOMY);
      const [first, old] = [await issuer.issueToken(), await issuer.issueToken()];
      // The first one comes before the keys of the issuer are here.
      for (const token of [first, old, old]) await accept(token);
      expect(verified).toEqual([first, old]);

      await issuer.rotateKey({ keepOld: false });
      const young = await issuer.issueToken();
      await accept(young);
      await expect(asPromise(() => verifier.verify(old, athOf(old), BARE_REQUEST))).rejects.toMatchObject({
        reason: 'token_invalid',
      });
    } finally {
      await issuer.close();
    }
  });

  /** Tells which tokens were verified in full. */
  function counting(issuer: TestIssuer, bounds: CacheBounds) {
    const verified: string[] = [];
    class CountingVerifier extends JwtAccessTokenVerifier {
      override async verifyJwt(jwt: PresentedJwt) {
        verified.push(`${jwt.jws?.signingInput}.${jwt.jws?.signature}`);
        return await super.verifyJwt(jwt);
      }
    }
    const options = { ...issuer.accessToken, keysCooldownSeconds: 0 };
    const trusted = new CountingVerifier(options, clock);
    const verifier = new TrustedIssuersVerifier([trusted], undefined, bounds, clock);
    const accept = async (token: string) => {
      await verifier.remember(token, athOf(token), await verifier.verify(token, athOf(token), BARE_REQUEST));
    };
    return { verifier, verified, accept };
  }

  const asPromise = async (verify: () => unknown) => await verify();
});
