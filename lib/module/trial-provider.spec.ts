import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type ExecutionContext, Logger } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { createConfig } from '../config/dpop-config.js';
import type { DpopModuleOptions, TrialOptions } from '../config/dpop-options.js';
import { toDpopError } from '../errors/dpop.error.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import { Dpop } from '../guard/policy.decorators.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { StatelessNonceService } from '../nonce/stateless-nonce.service.js';
import { RevocationChecker } from '../revocation/revocation.checker.js';
import { MemoryStorage } from '../storage/memory.storage.js';
import { DPOP_DECISION_CHANNEL } from '../telemetry/decisions.js';
import { DPOP_DIFFERENCE_CHANNEL } from '../telemetry/differences.js';
import { TestClient } from '../testing/test-client.js';
import { TestIssuer } from '../testing/test-issuer.js';
import { DpopVerifier } from '../verification/dpop.verifier.js';
import { createAccessTokenVerifier } from './access-token-provider.js';
import { createNonceSecrets, createTicketSeal } from './nonce-providers.js';
import { createTrial } from './trial-provider.js';

Logger.overrideLogger(false);

const ORIGIN = 'https://api.example.com';

let issuer: TestIssuer;
let client: TestClient;
let token: string;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client });
});

class Accounts {
  @Dpop({ ticket: 'allow' })
  list(): void {}
}

/** Notes the epochs that nonces name. */
class NotingNonceService extends StatelessNonceService {
  readonly epochs: (string | undefined)[] = [];

  override issue(epoch?: string): string {
    this.epochs.push(epoch);
    return super.issue(epoch);
  }
}

/** A service and its trial, as the module makes them. */
function serviceOf(trial: TrialOptions | undefined, present: Partial<DpopModuleOptions> = {}) {
  const config = createConfig({
    origin: ORIGIN,
    accessToken: issuer.accessToken,
    storage: new MemoryStorage(),
    ...present,
    ...(trial && { trial }),
  });
  const { clock, nonce, revocation, storage } = config;
  const accessTokens = createAccessTokenVerifier(config);
  const secrets = createNonceSecrets(config);
  const nonces = new NotingNonceService({ ...nonce, secrets, clock });
  const { replayStore } = storage;
  const tickets = createTicketSeal(config, secrets);
  const verifier = new DpopVerifier({
    rules: config,
    accessTokens,
    nonces,
    replayStore,
    revocation,
    tickets,
  });
  const created = createTrial(config, accessTokens, nonces, replayStore, secrets);

  /** What the service decides, then what the trial finds. */
  const request = async (dpopRequest: DpopRequest): Promise<unknown> => {
    const identity = {};
    const examination = verifier.examineOnce(identity, () => dpopRequest);
    const policy = { ...config.policy, ticket: 'allow' } as const;
    const error = await examination.authorize(policy).then(() => undefined, toDpopError);
    const context: ExecutionContext = new ExecutionContextHost([identity], Accounts, Accounts.prototype.list);
    await created.compare({ context, policy, request: identity, examination }, DpopGuard, error);
    return error?.reason;
  };
  return { config, nonces, replayStore, request, trial: created, verifier };
}

async function requestWith(proof?: string): Promise<DpopRequest> {
  proof ??= await client.createProof({ method: 'GET', url: `${ORIGIN}/accounts`, token });
  const rawHeaders = ['Authorization', `DPoP ${token}`, 'DPoP', proof];
  return { method: 'GET', target: '/accounts', rawHeaders };
}

/** What is published on this channel while the test acts. */
async function observe(channel: string, act: () => Promise<unknown>): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  const note = (message: unknown): void => void found.push(message);
  subscribe(channel, note);
  try {
    await act();
  } finally {
    unsubscribe(channel, note);
  }
  return found;
}

const differences = (act: () => Promise<unknown>) => observe(DPOP_DIFFERENCE_CHANNEL, act);
const otherAudience = (): TrialOptions => ({ accessToken: { ...issuer.accessToken, audience: 'urn:other' } });

describe('the trial of options (K1)', () => {
  test('compares nothing in a service that tries none', async () => {
    const { trial, request } = serviceOf(undefined);
    const warnings: string[] = [];
    await trial.open((text) => warnings.push(text));
    expect(warnings).toStrictEqual([]);
    expect(await differences(async () => await request(await requestWith()))).toStrictEqual([]);
  });

  test('finds a request that other options for tokens would refuse, and publishes no second decision', async () => {
    const { request } = serviceOf(otherAudience());
    let found: readonly unknown[] = [];
    const decisions = await observe(DPOP_DECISION_CHANNEL, async () => {
      found = await differences(async () => expect(await request(await requestWith())).toBeUndefined());
    });
    expect(found).toMatchObject([
      { present: { outcome: 'accepted' }, trial: { outcome: 'refused', reason: 'token_audience' } },
    ]);
    expect(decisions).toMatchObject([{ outcome: 'accepted' }]);
  });

  test('takes the tokens of the present options if it has none of its own', async () => {
    const { request } = serviceOf({ maxTokenBytes: 4096 });
    expect(await differences(async () => await request(await requestWith()))).toStrictEqual([]);
  });

  test('records no proof: the present service has recorded it', async () => {
    const { request, replayStore } = serviceOf({ bearer: 'allow-unbound' });
    const claims: unknown[] = [];
    const claim = replayStore.claim.bind(replayStore);
    Object.assign(replayStore, {
      claim: (item: Parameters<typeof claim>[0]) => {
        claims.push(item.id);
        return claim(item);
      },
    });
    const again = await requestWith();
    const found = await differences(async () => {
      expect(await request(again)).toBeUndefined();
      expect(await request(again)).toBe('proof_replayed');
    });
    expect(found).toStrictEqual([]);
    expect(claims).toHaveLength(2);
  });

  test('demands nonces of the present epoch', async () => {
    const { request, nonces, replayStore } = serviceOf({ nonce: 'required' });
    const found = await differences(async () => await request(await requestWith()));
    expect(found).toMatchObject([{ trial: { outcome: 'refused', reason: 'nonce_missing' } }]);
    expect(nonces.epochs).toEqual([replayStore.epochOf(client.jkt)]);
  });

  test('knows the nonces and the tickets of the present service, also with another origin', async () => {
    const { request, nonces, verifier } = serviceOf(
      { origin: [ORIGIN, 'https://new.example.com'] },
      { nonce: 'required' },
    );
    const nonce = nonces.issue();
    const proof = await client.createProof({ method: 'GET', url: `${ORIGIN}/accounts`, token, nonce });
    const dpopRequest = await requestWith(proof);
    const examination = verifier.examine(dpopRequest);
    const found = await differences(async () => {
      const { ticket } = await examination.issueTicket(
        await examination.authorize({ nonce: 'required', bearer: 'reject' }),
        '/accounts',
      );
      const target = `/accounts?ticket=${ticket}`;
      expect(await request({ method: 'GET', target, rawHeaders: [] })).toBeUndefined();
    });
    expect(found).toStrictEqual([]);
  });
});

describe('what the trial opens and closes (K1)', () => {
  class Checker extends RevocationChecker {
    readonly calls: string[] = [];

    override isRevoked(): boolean {
      this.calls.push('asked');
      return false;
    }

    override close(): void {
      this.calls.push('closed');
    }
  }

  test('is its own list of revoked tokens, and not that of the present options', async () => {
    const [present, own] = [new Checker(), new Checker()];
    const shared = serviceOf({ maxTokenBytes: 4096 }, { revocation: present });
    await shared.request(await requestWith());
    await shared.trial.close();
    expect(present.calls).toEqual(['asked', 'asked']);
    const separate = serviceOf({ revocation: own }, { revocation: present });
    await separate.request(await requestWith());
    await separate.trial.close();
    expect(own.calls).toEqual(['asked', 'closed']);
    expect(present.calls).toEqual(['asked', 'asked', 'asked']);
  });
});
