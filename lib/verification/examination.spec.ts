import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { createConfig } from '../config/dpop-config.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import { StatelessNonceService } from '../nonce/stateless-nonce.service.js';
import type { ProofKey } from '../proof/proof-signature.js';
import { BoundedCache } from '../runtime/bounded-cache.js';
import { ReplayStore } from '../storage/replay.store.js';
import { DPOP_DECISION_CHANNEL } from '../telemetry/decisions.js';
import { TestClient } from '../testing/index.js';
import { DpopVerifier } from './dpop.verifier.js';
import type { DpopPolicy } from './policy.js';

const URL = 'https://api.example.com/accounts';
const POLICY: DpopPolicy = { nonce: 'off', bearer: 'reject' };
const NONCE_POLICY: DpopPolicy = { ...POLICY, nonce: 'required' };
const LIFETIME_SECONDS = 120;
const EPOCH = 'AAAAAAAB';

let nowSeconds: number;
let answerToken: () => unknown;
/** What was asked of the ports, in order. */
let asked: string[];
let answerClaim: () => unknown;
let answerRefresh: () => Promise<void>;
let client: TestClient;

const clock = () => nowSeconds * 1000;

class FakeTokens extends AccessTokenVerifier {
  override verify(token: string): AccessTokenClaims {
    asked.push(`verify ${token}`);
    return answerToken() as AccessTokenClaims;
  }

  override remember(token: string): void {
    asked.push(`remember ${token}`);
  }
}

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
    return answerRefresh();
  }
}

const nonces = new StatelessNonceService({
  secrets: new FixedNonceSecrets(),
  service: 'test',
  lifetimeSeconds: LIFETIME_SECONDS,
  clock,
});

beforeAll(async () => {
  client = await TestClient.create({ clock });
});

beforeEach(() => {
  nowSeconds = LIFETIME_SECONDS * 15_000_000;
  answerToken = () => bound();
  asked = [];
  answerClaim = () => 'first';
  answerRefresh = () => Promise.resolve();
});

const bound = (claims: AccessTokenClaims = {}): AccessTokenClaims => ({
  iss: 'https://auth.example.com',
  cnf: { jkt: client.jkt },
  scope: 'read',
  ...claims,
});

function verifierWith(
  options: Partial<DpopModuleOptions> = {},
  knownKeys?: BoundedCache<ProofKey>,
  accessTokens: AccessTokenVerifier = new FakeTokens(),
): DpopVerifier {
  const rules = createConfig({
    origin: 'https://api.example.com',
    accessToken: new FakeTokens(),
    clock,
    ...options,
  });
  return new DpopVerifier({
    rules,
    accessTokens,
    nonces,
    replayStore: new FakeStore(),
    ...(knownKeys && { knownKeys }),
  });
}

async function requestOf(
  parts: Partial<Parameters<TestClient['createProof']>[0]> = {},
): Promise<DpopRequest> {
  const proof = await client.createProof({ method: 'GET', url: URL, token: 'token', ...parts });
  return {
    method: 'GET',
    target: '/accounts',
    rawHeaders: ['Authorization', 'DPoP token', 'DPoP', proof],
  };
}

describe('an examination about which several guards ask', () => {
  test('verifies, records and remembers once, and gives each the same verdict (F1)', async () => {
    const examination = verifierWith().examine(await requestOf());
    const verdict = await examination.authorize(POLICY);
    const others = await Promise.all([examination.authorize(POLICY), examination.authorize(POLICY)]);
    expect(others).toEqual([verdict, verdict]);
    expect(others[0]).toBe(verdict);
    expect(asked).toEqual(['verify token', 'claim', 'remember token']);
  });

  test('does the same for those that ask at one time (F1)', async () => {
    const examination = verifierWith().examine(await requestOf());
    const [one, other] = await Promise.all([examination.authorize(POLICY), examination.authorize(POLICY)]);
    expect(one).toBe(other);
    expect(asked).toEqual(['verify token', 'claim', 'remember token']);
  });

  test('refuses those whose policy the token does not meet, before anything is stored (F3)', async () => {
    const examination = verifierWith().examine(await requestOf());
    const scopes = ['read', 'write'];
    await expect(examination.authorize({ ...POLICY, scopes })).rejects.toMatchObject({
      reason: 'scope_insufficient',
      details: { scopes },
    });
    expect(asked).toEqual(['verify token']);
    await examination.authorize({ ...POLICY, scopes: ['read'] });
    expect(asked).toEqual(['verify token', 'claim', 'remember token']);
  });

  test('is one for one request and one verifier, and reads the request once (F1)', async () => {
    const [verifier, other] = [verifierWith(), verifierWith()];
    const request = await requestOf();
    const identity = {};
    let reads = 0;
    const read = (): DpopRequest => {
      reads += 1;
      return request;
    };
    const examination = verifier.examineOnce(identity, read);
    expect(verifier.examineOnce(identity, read)).toBe(examination);
    expect(reads).toBe(1);
    expect(other.examineOnce(identity, read)).not.toBe(examination);
    expect(verifier.examineOnce({}, read)).not.toBe(examination);
    expect(examination.request).toBe(request);
  });
});

describe('a token that ends while the request goes on', () => {
  test.each([
    ['just before its end', 3599, undefined],
    ['at its end', 3600, 'token_expired'],
    ['long after its end', 7200, 'token_expired'],
  ])('is looked at again: %s (B1)', async (_when, seconds, reason) => {
    const exp = nowSeconds + 3600;
    answerToken = () => bound({ exp });
    const examination = verifierWith().examine(await requestOf());
    const verdict = await examination.authorize(POLICY);
    nowSeconds += seconds;
    if (reason === undefined) expect(await examination.authorize(POLICY)).toBe(verdict);
    else await expect(examination.authorize(POLICY)).rejects.toMatchObject({ reason });
  });

  test('is good for a minute of the request all the same: its verifier tolerates clocks (B1)', async () => {
    const exp = nowSeconds - 1;
    answerToken = () => bound({ exp });
    const examination = verifierWith().examine(await requestOf());
    await examination.authorize(POLICY);
    nowSeconds += 60;
    await examination.authorize(POLICY);
    nowSeconds += 0.001;
    await expect(examination.authorize(POLICY)).rejects.toMatchObject({ reason: 'token_expired' });
  });

  test('never ends if it names no end (B1)', async () => {
    const examination = verifierWith().examine(await requestOf());
    const verdict = await examination.authorize(POLICY);
    nowSeconds += 1_000_000;
    expect(await examination.authorize(POLICY)).toBe(verdict);
  });
});

describe('a demand for a nonce', () => {
  const demandOf = async (asking: Promise<unknown>): Promise<string> => {
    const error: unknown = await asking.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'use_dpop_nonce', details: { nonce: expect.any(String) } });
    return (error as { details: { nonce: string } }).details.nonce;
  };

  test('names the present epoch of the client, which is read again once (F6)', async () => {
    const examination = verifierWith().examine(await requestOf());
    const nonce = await demandOf(examination.authorize(NONCE_POLICY));
    expect(nonces.check(nonce)).toMatchObject({ epoch: EPOCH });
    expect(asked).toEqual(['verify token', 'refresh client', 'epoch of client']);
    await demandOf(examination.authorize(NONCE_POLICY));
    expect(asked).toEqual(['verify token', 'refresh client', 'epoch of client', 'epoch of client']);
  });

  test('causes no round trip for a client that has proved nothing yet (F3)', async () => {
    const examination = verifierWith().examine(await requestOf({ nonce: 'unknown' }));
    await demandOf(examination.authorize(POLICY));
    expect(asked).toEqual(['verify token', 'epoch of client']);

    asked = [];
    const clockless = verifierWith({ nonce: { mode: 'off', freshness: 'nonce' } });
    await demandOf(clockless.examine(await requestOf({ claims: { iat: 1 } })).authorize(POLICY));
    expect(asked).toEqual(['verify token', 'epoch of client']);
  });

  test('causes none where the store has just told that its epoch is new (F6)', async () => {
    answerClaim = () => 'unknown';
    const examination = verifierWith().examine(await requestOf());
    await demandOf(examination.authorize(POLICY));
    expect(asked).toEqual(['verify token', 'claim', 'epoch of client']);
  });

  test('that cannot be answered with a nonce is a failure, not a demand (D8)', async () => {
    const failing = Object.assign(Object.create(nonces) as StatelessNonceService, {
      issue: () => {
        throw new Error('no secret');
      },
    });
    const verifier = new DpopVerifier({
      rules: createConfig({ origin: 'https://api.example.com', accessToken: new FakeTokens(), clock }),
      accessTokens: new FakeTokens(),
      nonces: failing,
      replayStore: new FakeStore(),
    });
    await expect(verifier.verify(await requestOf(), NONCE_POLICY)).rejects.toMatchObject({
      name: 'DpopUnavailableError',
      reason: 'internal_failure',
    });
  });

  test('is met by a proof with that nonce, and the next nonce comes before this one ends (E4)', async () => {
    const verifier = verifierWith();
    const nonce = await demandOf(verifier.verify(await requestOf(), NONCE_POLICY));
    const early = await verifier.verify(await requestOf({ nonce }), NONCE_POLICY);
    expect([early.hasNonce, early.nextNonce]).toEqual([true, undefined]);
    nowSeconds += LIFETIME_SECONDS;
    asked = [];
    const late = await verifier.verify(await requestOf({ nonce }), NONCE_POLICY);
    expect(late.nextNonce).not.toBe(nonce);
    expect(nonces.check(late.nextNonce ?? '')).toMatchObject({ epoch: EPOCH });
    expect(asked).toEqual(['verify token', 'epoch of client', 'claim', 'remember token']);
  });
});

describe('the access token', () => {
  test('is verified by the app: what is no claims is a failure (B2, D8)', async () => {
    for (const answer of [undefined, null, 'claims', [bound()]]) {
      answerToken = () => answer;
      await expect(verifierWith().verify(await requestOf())).rejects.toMatchObject({
        reason: 'internal_failure',
        advice: 'AccessTokenVerifier.verify must return the claims of the token, or throw',
      });
    }
  });

  test('is remembered only by a verifier that can (B8)', async () => {
    class Forgetful extends AccessTokenVerifier {
      override verify(): AccessTokenClaims {
        return bound();
      }
    }
    const verifier = verifierWith({}, undefined, new Forgetful());
    expect(await verifier.verify(await requestOf())).toMatchObject({ jkt: client.jkt });
  });

  test('may be refused by the app with a demand for a nonce, before its key is known (E2)', async () => {
    answerToken = () => {
      throw new DpopError('nonce_missing');
    };
    await expect(verifierWith().verify(await requestOf())).rejects.toMatchObject({
      reason: 'nonce_missing',
      details: { nonce: expect.any(String) },
    });
    expect(asked).toEqual(['verify token', 'epoch of ']);
  });
});

describe('what an operator is told of an examination (D9)', () => {
  const decisions: unknown[] = [];
  const listen = (decision: unknown): void => void decisions.push(decision);

  beforeEach(() => {
    decisions.length = 0;
    subscribe(DPOP_DECISION_CHANNEL, listen);
  });

  afterEach(() => {
    unsubscribe(DPOP_DECISION_CHANNEL, listen);
  });

  const nameRoute = () => ({ route: '/accounts', handler: 'AccountsController.list' });
  const who = { jkt: undefined as string | undefined, issuer: undefined as string | undefined };

  test('is its acceptance, with the subject and the route', async () => {
    await verifierWith()
      .examine(await requestOf())
      .authorize(POLICY, nameRoute);
    const known = { jkt: client.jkt, issuer: 'https://auth.example.com', method: 'GET' };
    expect(decisions).toMatchObject([{ outcome: 'accepted', replayChecked: true, ...known, ...nameRoute() }]);
  });

  test('is its refusal, with the subject as far as it is proved', async () => {
    const examination = verifierWith().examine(await requestOf());
    const asking = examination.authorize({ ...POLICY, scopes: ['write'] }, nameRoute);
    await expect(asking).rejects.toThrow();
    answerToken = () => ({ sub: 'user' });
    const unproved = verifierWith().examine(await requestOf());
    await expect(unproved.authorize(POLICY, nameRoute)).rejects.toThrow();
    expect(decisions).toMatchObject([
      { outcome: 'refused', reason: 'scope_insufficient', jkt: client.jkt, ...nameRoute() },
      { outcome: 'refused', reason: 'token_unbound', ...who, ...nameRoute() },
    ]);
  });

  test('is a rejection that came after the verdict', async () => {
    const examination = verifierWith().examine(await requestOf());
    await examination.authorize(POLICY, nameRoute);
    examination.decisions.rejected(new DpopError('scope_insufficient'), undefined, nameRoute);
    expect(decisions).toMatchObject([
      { outcome: 'accepted' },
      { outcome: 'refused', reason: 'scope_insufficient', ...who, ...nameRoute() },
    ]);
  });

  test('tells whether the request is let through all the same (K1)', async () => {
    for (const enforcement of ['enforce', 'report'] as const) {
      const examination = verifierWith().examine(await requestOf());
      await expect(examination.authorize({ ...POLICY, scopes: ['write'], enforcement })).rejects.toThrow();
    }
    const refused = { outcome: 'refused', reason: 'scope_insufficient' };
    expect(decisions).toMatchObject([
      { ...refused, enforced: true },
      { ...refused, enforced: false },
    ]);
  });

  test('is the failure in spite of which it accepted (F5)', async () => {
    answerClaim = () => Promise.reject(new DpopUnavailableError('replay_store_unavailable'));
    const options = { onReplayStoreFailure: 'accept-and-report' } as const;
    await verifierWith(options).verify(await requestOf());
    expect(decisions).toMatchObject([
      { outcome: 'accepted', reason: 'replay_store_unavailable', replayChecked: false },
    ]);
  });
});

describe('the scheme of a challenge', () => {
  test.each([
    ['DPoP x y', 'DPoP'],
    ['bearer', 'Bearer'],
    ['Basic x', undefined],
  ])('for %p is %p, however malformed the credentials are (D3)', (authorization, scheme) => {
    const rawHeaders = ['Authorization', authorization];
    const examination = verifierWith().examine({ method: 'GET', target: '/', rawHeaders });
    expect(examination.attemptedScheme).toBe(scheme);
  });
});

describe('what a refused request leaves behind', () => {
  test('is no record, no token and no key (F3)', async () => {
    const knownKeys = new BoundedCache<ProofKey>({ maxEntries: 10, maxBytes: 100_000 });
    const verifier = verifierWith({}, knownKeys);
    const request = await requestOf();
    const header = (request.rawHeaders[3] ?? '').split('.')[0] ?? '';
    answerClaim = () => 'replayed';
    await expect(verifier.verify(request)).rejects.toMatchObject({ reason: 'proof_replayed' });
    expect(asked).toEqual(['verify token', 'claim']);
    expect(knownKeys.get(header)).toBeUndefined();
    answerClaim = () => 'first';
    await verifier.verify(await requestOf());
    expect(knownKeys.get(header)).toMatchObject({ jkt: client.jkt });
  });
});

describe('a replay store that fails', () => {
  const outage = new DpopUnavailableError('replay_store_unavailable');

  test('is named beside the verdict where the option tolerates it (F5)', async () => {
    const options = { onReplayStoreFailure: 'accept-and-report' } as const;
    const examination = verifierWith(options).examine(await requestOf());
    expect(examination.toleratedFailure).toBeUndefined();
    answerClaim = () => Promise.reject(outage);
    expect(await examination.authorize(POLICY)).toMatchObject({ jkt: client.jkt });
    expect(examination.toleratedFailure).toBe(outage);
    expect(asked).toEqual(['verify token', 'claim', 'remember token']);
  });
});

describe('an unbound token', () => {
  const bearer: DpopRequest = {
    method: 'GET',
    target: '/accounts',
    rawHeaders: ['Authorization', 'Bearer token'],
  };
  const allowing: Partial<DpopPolicy> = { bearer: 'allow-unbound' };

  test('is accepted as Bearer by policy alone, without a record, and whatever the nonces (B5, E1)', async () => {
    answerToken = () => ({ sub: 'user' });
    const verifier = verifierWith();
    await expect(verifier.verify(bearer)).rejects.toMatchObject({ reason: 'bearer_not_accepted' });
    expect(asked).toStrictEqual([]);
    expect(await verifier.verify(bearer, { ...allowing, nonce: 'required' })).toMatchObject({
      scheme: 'Bearer',
      jkt: undefined,
      hasNonce: false,
    });
    expect(asked).toEqual(['verify token', 'remember token']);
    await expect(verifier.verify(await requestOf(), allowing)).rejects.toMatchObject({
      reason: 'token_unbound',
    });
  });

  test('is the only kind that Bearer takes (B4)', async () => {
    const verifier = verifierWith();
    await expect(verifier.verify(bearer, allowing)).rejects.toMatchObject({
      reason: 'bound_token_as_bearer',
    });
    expect(asked).toEqual(['verify token']);
  });
});
