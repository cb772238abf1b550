import { setImmediate } from 'node:timers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { calculateJwkThumbprint } from 'jose';
import {
  type AccessTokenClaims,
  AccessTokenVerifier,
  type DpopError,
  DpopModule,
  type DpopModuleOptions,
  DpopVerifier,
} from '../lib/index.js';
import { SIGNATURES_IN_A_TURN } from '../lib/runtime/signature-turns.js';
import { TestClient, TestIssuer } from '../lib/testing/index.js';

const ORIGIN = 'https://api.test';
const TARGET = '/accounts';
const MAX_AGE_SECONDS = 60;
const COUNT = 3 * SIGNATURES_IN_A_TURN;

let nowSeconds = 1_800_000_000;
const clock = () => nowSeconds * 1000;
const endOfTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Of a key that needs no signature of the token to be known. */
class BoundTokens extends AccessTokenVerifier {
  constructor(private readonly jkt: string) {
    super();
  }

  override verify(): AccessTokenClaims {
    return { cnf: { jkt: this.jkt } };
  }
}

async function startService(accessToken: DpopModuleOptions['accessToken']) {
  const proof = { maxAgeSeconds: MAX_AGE_SECONDS };
  @Module({ imports: [DpopModule.forRoot({ origin: ORIGIN, accessToken, clock, proof })] })
  class ServiceModule {}
  const app = await NestFactory.createApplicationContext(ServiceModule, { logger: false });
  return { verifier: app.get(DpopVerifier), close: () => app.close() };
}

describe('signatures take turns (C6)', () => {
  let verifier: DpopVerifier;
  let issuer: TestIssuer;
  let client: TestClient;
  let close: () => Promise<void>;

  beforeAll(async () => {
    issuer = await TestIssuer.create({ clock });
    client = await TestClient.create({ clock });
    ({ verifier, close } = await startService(issuer.accessToken));
  });

  afterAll(() => close());

  test('one turn of the event loop verifies a few proofs, however many requests there are', async () => {
    const token = await issuer.issueToken({ jkt: client.jkt });
    expect(await present(token, await proofOf(token))).toBe('accepted');
    const outcomes = presentAll(token, await proofsOf(token));
    expect(await countTurns(outcomes)).toEqual(Array(3).fill(SIGNATURES_IN_A_TURN));
    expect(new Set(outcomes)).toEqual(new Set(['accepted']));
  });

  test('so it does with tokens, which anybody may send', async () => {
    const token = await issuer.issueToken({ jkt: client.jkt });
    const forged = `${token.slice(0, -8)}${'A'.repeat(8)}`;
    const outcomes = presentAll(forged, await proofsOf(forged));
    expect(Math.max(...(await countTurns(outcomes)))).toBe(SIGNATURES_IN_A_TURN);
    expect(new Set(outcomes)).toEqual(new Set(['token_invalid']));
  });

  test('so it does with keys that it has not seen, whose import takes as long as a signature', async () => {
    const jwk = { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) };
    const service = await startService(new BoundTokens(await calculateJwkThumbprint(jwk)));
    const outcomes = presentAll('token', await proofsOf('token', { jwk }), service.verifier);
    expect(await countTurns(outcomes)).toEqual(Array(3).fill(SIGNATURES_IN_A_TURN));
    expect(new Set(outcomes)).toEqual(new Set(['proof_jwk']));
    await service.close();
  });

  test('a proof that grew stale while it waited is refused, and remembered by nobody (C11, F4)', async () => {
    const token = await issuer.issueToken({ jkt: client.jkt });
    expect(await present(token, await proofOf(token))).toBe('accepted');
    const outcomes = presentAll(token, await proofsOf(token));
    while (outcomes.length === 0) await endOfTurn();
    nowSeconds += MAX_AGE_SECONDS + 1;
    while (outcomes.length < COUNT) await endOfTurn();
    expect(outcomes.slice(0, SIGNATURES_IN_A_TURN)).toEqual(Array(SIGNATURES_IN_A_TURN).fill('accepted'));
    expect(new Set(outcomes.slice(SIGNATURES_IN_A_TURN))).toEqual(new Set(['proof_stale']));
  });

  test('of copies that wait together one is accepted (F1)', async () => {
    const token = await issuer.issueToken({ jkt: client.jkt });
    const outcomes = presentAll(token, Array<string>(COUNT).fill(await proofOf(token)));
    while (outcomes.length < COUNT) await endOfTurn();
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'proof_replayed')).toHaveLength(COUNT - 1);
  });

  /** All at once; what becomes of them is added in the order in which it is known. */
  function presentAll(token: string, proofs: readonly string[], to = verifier): readonly string[] {
    const outcomes: string[] = [];
    for (const proof of proofs) void present(token, proof, to).then((outcome) => outcomes.push(outcome));
    return outcomes;
  }

  async function present(token: string, proof: string, to = verifier): Promise<string> {
    const rawHeaders = ['Authorization', `DPoP ${token}`, 'DPoP', proof];
    return await to.verify({ method: 'GET', target: TARGET, rawHeaders }).then(
      () => 'accepted',
      (error: DpopError) => error.reason,
    );
  }

  async function proofsOf(token: string, header: object = {}): Promise<readonly string[]> {
    return await Promise.all(Array.from({ length: COUNT }, () => proofOf(token, header)));
  }

  async function proofOf(token: string, header: object = {}): Promise<string> {
    return await client.createProof({ method: 'GET', url: ORIGIN + TARGET, token, header: { ...header } });
  }
});

/** How many outcomes each turn of the event loop brought, of those that brought any. */
async function countTurns(outcomes: readonly string[]): Promise<readonly number[]> {
  const turns: number[] = [];
  let known = 0;
  while (known < COUNT) {
    await endOfTurn();
    if (outcomes.length > known) turns.push(outcomes.length - known);
    known = outcomes.length;
  }
  return turns;
}
