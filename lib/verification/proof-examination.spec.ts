import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createAuthorizationServerConfig } from '../config/authorization-server-config.js';
import { DpopError } from '../errors/dpop.error.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import type { NonceService } from '../nonce/nonce.service.js';
import { StatelessNonceService } from '../nonce/stateless-nonce.service.js';
import { ReplayStore } from '../storage/replay.store.js';
import { DPOP_DECISION_CHANNEL } from '../telemetry/decisions.js';
import { TestClient } from '../testing/index.js';
import { DpopProofVerifier } from './dpop-proof.verifier.js';
import type { ProofPolicy } from './proof-policy.js';

const URL = 'https://auth.example.com/token';
const POLICY: ProofPolicy = { absentProof: 'refuse', nonce: 'off' };
const NONCE_POLICY: ProofPolicy = { ...POLICY, nonce: 'required' };
const NO_PROOF: DpopRequest = { method: 'POST', target: '/token', rawHeaders: [] };
const LIFETIME_SECONDS = 120;
const EPOCH = 'AAAAAAAB';

let nowSeconds: number;
/** What was asked of the replay store, in order. */
let asked: string[];
let answerClaim: () => unknown;
let client: TestClient;

const clock = () => nowSeconds * 1000;

class FakeStore extends ReplayStore {
  override claim(): never {
    asked.push('claim');
    return answerClaim() as never;
  }

  override epochOf(jkt: string): string {
    asked.push(`epoch of ${jkt === client.jkt ? 'client' : jkt}`);
    return EPOCH;
  }

  override refreshEpoch(jkt: string): Promise<void> {
    asked.push(`refresh ${jkt === client.jkt ? 'client' : jkt}`);
    return Promise.resolve();
  }
}

const nonces = new StatelessNonceService({
  secrets: new FixedNonceSecrets(),
  service: 'test',
  lifetimeSeconds: LIFETIME_SECONDS,
  clock,
});

function verifierWith(options: object = {}, service: NonceService = nonces): DpopProofVerifier {
  const rules = createAuthorizationServerConfig({ issuer: 'https://auth.example.com', clock, ...options });
  return new DpopProofVerifier({ rules, nonces: service, replayStore: new FakeStore() });
}

async function requestOf(changes: object = {}): Promise<DpopRequest> {
  const proof = await client.createProof({ method: 'POST', url: URL, ...changes });
  return { ...NO_PROOF, rawHeaders: ['DPoP', proof] };
}

beforeAll(async () => {
  client = await TestClient.create({ clock });
});

beforeEach(() => {
  nowSeconds = LIFETIME_SECONDS * 15_000_000;
  asked = [];
  answerClaim = () => 'first';
});

describe('the examination of a request to an authorization server (G1)', () => {
  test('verifies and records once, and gives each who asks the same verdict (F1)', async () => {
    const examination = verifierWith().examine(await requestOf());
    const [one, other] = await Promise.all([examination.authorize(POLICY), examination.authorize(POLICY)]);
    expect(one).toMatchObject({ jkt: client.jkt, hasNonce: false, nextNonce: undefined });
    expect(Object.isFrozen(one)).toBe(true);
    expect(other).toBe(one);
    expect(await examination.authorize(POLICY)).toBe(one);
    expect(asked).toEqual(['claim']);
  });

  test('is one for one request and one verifier', async () => {
    const [verifier, another, identity] = [verifierWith(), verifierWith(), {}];
    const request = await requestOf();
    const examination = verifier.examineOnce(identity, () => request);
    expect(examination.request).toBe(request);
    expect(verifier.examineOnce(identity, () => NO_PROOF)).toBe(examination);
    expect(another.examineOnce(identity, () => request)).not.toBe(examination);
    expect(verifier.examineOnce({}, () => request)).not.toBe(examination);
  });

  test('accepts a request without a proof by policy alone, of the server or of the endpoint', async () => {
    const missing = { reason: 'proof_missing' };
    await expect(verifierWith().verify(NO_PROOF)).rejects.toMatchObject(missing);
    expect(await verifierWith().verify(NO_PROOF, { absentProof: 'accept' })).toBeUndefined();
    const accepting = verifierWith({ absentProof: 'accept' });
    expect(await accepting.verify(NO_PROOF)).toBeUndefined();
    expect(await accepting.verify(NO_PROOF, { nonce: 'required' })).toBeUndefined();
    await expect(accepting.verify(NO_PROOF, { absentProof: 'refuse' })).rejects.toMatchObject(missing);
    expect(asked).toStrictEqual([]);
  });

  test('refuses a proof that is too long, and one that was used before', async () => {
    const request = await requestOf();
    const { length } = request.rawHeaders[1] ?? '';
    const short = verifierWith({ proof: { maxBytes: 1024 } });
    const long = await requestOf({ claims: { padding: 'a'.repeat(1024 - length) } });
    await expect(short.verify(long)).rejects.toMatchObject({ reason: 'proof_too_large' });
    answerClaim = () => 'replayed';
    await expect(verifierWith().verify(request)).rejects.toMatchObject({ reason: 'proof_replayed' });
  });
});

describe('a demand of an authorization server for a nonce (G3, E2)', () => {
  const demandOf = async (asking: Promise<unknown>): Promise<string> => {
    const error: unknown = await asking.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'use_dpop_nonce', details: { nonce: expect.any(String) } });
    return (error as { details: { nonce: string } }).details.nonce;
  };

  test('names the present epoch of the client, which is read again once (F6)', async () => {
    const examination = verifierWith().examine(await requestOf());
    const nonce = await demandOf(examination.authorize(NONCE_POLICY));
    expect(nonces.check(nonce)).toMatchObject({ epoch: EPOCH });
    await demandOf(examination.authorize(NONCE_POLICY));
    expect(asked).toEqual(['refresh client', 'epoch of client', 'epoch of client']);
  });

  test('causes no round trip for a client that has proved nothing, nor where the store has just told its epoch (F3, F6)', async () => {
    await demandOf(verifierWith().verify(await requestOf({ nonce: 'unknown' })));
    const byNonce = verifierWith({ nonce: { mode: 'required', freshness: 'nonce' } });
    await demandOf(byNonce.verify(await requestOf({ claims: { iat: 1 } })));
    expect(asked).toEqual(['epoch of ', 'epoch of ']);
    asked = [];
    answerClaim = () => 'unknown';
    await demandOf(verifierWith().verify(await requestOf()));
    expect(asked).toEqual(['claim', 'epoch of client']);
  });

  test('that cannot be answered with a nonce is a failure, not a demand (D8)', async () => {
    const failing = Object.assign(Object.create(nonces) as StatelessNonceService, {
      issue: () => {
        throw new Error('no secret');
      },
    });
    await expect(verifierWith({}, failing).verify(await requestOf(), NONCE_POLICY)).rejects.toMatchObject({
      name: 'DpopUnavailableError',
      reason: 'internal_failure',
    });
  });

  test('is met by a proof with that nonce, and the next nonce comes before this one ends (E4)', async () => {
    const verifier = verifierWith({ nonce: 'required' });
    const nonce = await demandOf(verifier.verify(await requestOf()));
    expect(await verifier.verify(await requestOf({ nonce }))).toMatchObject({
      hasNonce: true,
      nextNonce: undefined,
    });
    nowSeconds += LIFETIME_SECONDS;
    asked = [];
    const late = await verifier.verify(await requestOf({ nonce }));
    expect(late?.nextNonce).not.toBe(nonce);
    expect(nonces.check(late?.nextNonce ?? '')).toMatchObject({ epoch: EPOCH });
    expect(asked).toEqual(['claim', 'epoch of client']);
    expect(inspect(late, { showHidden: true }) + JSON.stringify(late)).not.toContain(late?.nextNonce);
  });
});

describe('the decision on a request to an authorization server (D9)', () => {
  const decisions: unknown[] = [];
  const listen = (decision: unknown): void => void decisions.push(decision);
  const nameRoute = () => ({ route: '/token', handler: 'TokenController.issue' });
  const who = { jkt: undefined as string | undefined, issuer: undefined, clientId: undefined };

  beforeEach(() => {
    decisions.length = 0;
    subscribe(DPOP_DECISION_CHANNEL, listen);
  });

  afterEach(() => {
    unsubscribe(DPOP_DECISION_CHANNEL, listen);
  });

  test('has the key of the client as far as it is proved, and the route', async () => {
    await verifierWith()
      .examine(await requestOf())
      .authorize(POLICY, nameRoute);
    const refused = verifierWith().examine(await requestOf());
    await expect(refused.authorize(NONCE_POLICY, nameRoute)).rejects.toThrow();
    await expect(verifierWith().examine(NO_PROOF).authorize(POLICY, nameRoute)).rejects.toThrow();
    const known = { ...who, jkt: client.jkt, method: 'POST', ...nameRoute() };
    expect(decisions).toMatchObject([
      { outcome: 'accepted', ...known },
      { outcome: 'refused', reason: 'nonce_missing', ...known },
      { outcome: 'refused', reason: 'proof_missing', ...who, ...nameRoute() },
    ]);
  });

  test('may be followed by a rejection that comes after the verdict', async () => {
    const examination = verifierWith().examine(await requestOf());
    await examination.authorize(POLICY, nameRoute);
    examination.publishRejection(new DpopError('proof_jwk'), nameRoute);
    expect(decisions).toMatchObject([
      { outcome: 'accepted' },
      { outcome: 'refused', reason: 'proof_jwk', ...who, ...nameRoute() },
    ]);
  });
});
