import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { createConfig, type TrialConfig } from '../config/dpop-config.js';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { RevocationChecker } from '../revocation/revocation.checker.js';
import { DPOP_DIFFERENCE_CHANNEL } from '../telemetry/differences.js';
import type { DpopVerifier } from '../verification/dpop.verifier.js';
import type { DpopExamination } from '../verification/examination.js';
import { type DpopActivation } from './activation.js';
import { DpopGuard } from './dpop.guard.js';
import { SkipDpop } from './policy.decorators.js';
import { Trial, type TrialParts } from './trial.js';

const clock = () => 1_800_000_000_000;

let lines: string[];
let differences: unknown[];
let calls: unknown[][];
/** What the options under trial decide. */
let authorize: () => Promise<unknown>;
let examined: { request: unknown; second: object } | undefined;

const publish = (difference: unknown): void => void differences.push(difference);
const write =
  (level: string) =>
  (text: unknown, ...rest: unknown[]): void =>
    void lines.push(`${level} [${String(rest.at(-1))}] ${String(text)}`);
const LINES = {
  log: write('log'),
  warn: write('warn'),
  error: write('error'),
  debug: write('debug'),
};
Logger.overrideLogger(LINES);

beforeEach(() => {
  lines = [];
  differences = [];
  calls = [];
  examined = undefined;
  authorize = () => Promise.resolve({});
  subscribe(DPOP_DIFFERENCE_CHANNEL, publish);
});

afterEach(() => {
  unsubscribe(DPOP_DIFFERENCE_CHANNEL, publish);
});

class Tokens extends AccessTokenVerifier {
  override verify(): AccessTokenClaims {
    return {};
  }

  override open(warn: (text: string) => void): void {
    warn('tokens');
  }

  override close(): void {
    calls.push(['tokens closed']);
  }
}

class Checker extends RevocationChecker {
  override isRevoked(): boolean {
    return false;
  }

  override open(warn: (text: string) => void, ofModule: unknown): void {
    warn(`checker at ${(ofModule as () => number)()}`);
  }

  override close(): void {
    calls.push(['checker closed']);
  }
}

class AccountsController {
  list(): void {}

  @SkipDpop()
  open(): void {}
}

const tokens = new Tokens();
const config = createConfig({
  origin: 'https://api.example.com',
  accessToken: tokens,
  nonce: 'required',
  clock,
}) as TrialConfig;

function create(changes: Partial<TrialParts> = {}): Trial {
  const verifier = {
    examineOnce: (request: object, read: () => unknown) => {
      examined ??= {
        request,
        second: {
          authorize: (policy: unknown) => {
            calls.push(['authorize', policy, read()]);
            return authorize();
          },
          subject: { issuer: 'second', clientId: undefined, jkt: 'second' },
        },
      };
      return examined.second;
    },
  } as unknown as DpopVerifier;
  return new Trial({ verifier, config, tokens: undefined, revocation: undefined, ...changes });
}

const REQUEST = { method: 'GET', target: '/', rawHeaders: [] };

function activationOf(
  handler: 'list' | 'open' = 'list',
  subject: object | null = { issuer: 'first', clientId: 'app', jkt: 'first' },
): DpopActivation {
  const request = Object.assign(new IncomingMessage(new Socket()), {
    method: 'GET',
    url: '/accounts',
    route: { path: '/accounts' },
  });
  const context = new ExecutionContextHost(
    [request, {}],
    AccountsController,
    AccountsController.prototype[handler],
  );
  const examination = { request: REQUEST, subject: subject ?? undefined } as unknown as DpopExamination;
  return { context, request, examination, policy: config.policy };
}

const place = { method: 'GET', route: '/accounts', handler: 'AccountsController.list' };
const accepted = { outcome: 'accepted', code: undefined, reason: undefined, detail: undefined };

describe('a trial that fails (K1)', () => {
  const fail = (): never => {
    throw new Error('fails');
  };

  afterEach(() => Logger.overrideLogger(LINES));

  test('at the logger of the app does not reject: the request has its answer', async () => {
    authorize = () => Promise.reject(new DpopError('token_audience'));
    Logger.overrideLogger({ log: fail, warn: fail, error: fail });
    await expect(create().compare(activationOf(), DpopGuard)).resolves.toBeUndefined();
  });

  test('at the examination does not throw', async () => {
    const trial = create({ verifier: { examineOnce: fail } as unknown as DpopVerifier });
    await expect(trial.compare(activationOf(), DpopGuard)).resolves.toBeUndefined();
  });
});

describe('a request that is tried with other options (K1)', () => {
  test('is verified once more, by the policy of those options, and nothing is told if they agree', async () => {
    const activation = activationOf();
    await create().compare(activation, DpopGuard);
    expect(calls).toEqual([['authorize', config.policy, REQUEST]]);
    expect(examined?.request).toBe(activation.request);
    expect([differences, lines]).toEqual([[], []]);
  });

  test('is told if they would refuse it', async () => {
    authorize = () => Promise.reject(new DpopError('proof_htm', { detail: 'method' as never }));
    await create().compare(activationOf(), DpopGuard);
    expect(differences).toEqual([
      {
        ...place,
        issuer: 'first',
        clientId: 'app',
        jkt: 'first',
        present: accepted,
        trial: { outcome: 'refused', code: 'invalid_dpop_proof', reason: 'proof_htm', detail: 'method' },
      },
    ]);
    expect(lines).toEqual([expect.stringMatching(/^warn \[Trial\] .*proof_htm.* GET \/accounts/)]);
  });

  test('is told if they would accept it, with the subject that they found', async () => {
    await create().compare(activationOf('list', null), DpopGuard, new DpopError('token_type'));
    expect(differences).toMatchObject([
      { present: { reason: 'token_type' }, trial: accepted, issuer: 'second', jkt: 'second' },
    ]);
  });

  test('is told if they could not verify it', async () => {
    authorize = () => Promise.reject(new Error('quoted'));
    await create().compare(activationOf(), DpopGuard);
    expect(differences).toMatchObject([{ trial: { outcome: 'unavailable', reason: 'internal_failure' } }]);
    expect(lines.join()).not.toContain('quoted');
  });

  test('is not told if the client would have the same answer', async () => {
    authorize = () => Promise.reject(new DpopError('token_audience'));
    await create().compare(activationOf(), DpopGuard, new DpopError('token_type'));
    expect(differences).toStrictEqual([]);
  });

  test('is tried once, however many guards see it', async () => {
    const trial = create();
    await trial.compare(activationOf(), DpopGuard);
    await trial.compare(activationOf(), DpopGuard);
    expect(calls).toHaveLength(1);
  });

  test.each([
    ['http', true],
    ['graphql', true],
    ['ws', false],
    ['rpc', false],
  ])('in a context of the type %s is tried: %p', async (type, isTried) => {
    const activation = activationOf();
    (activation.context as ExecutionContextHost).setType(type);
    await create().compare(activation, DpopGuard);
    expect(calls).toHaveLength(isTried ? 1 : 0);
  });

  test('is not tried on an open route', async () => {
    await create().compare(activationOf('open'), DpopGuard);
    expect(calls).toStrictEqual([]);
  });

  test('is not tried without options, without a request, and where a store or a failure decided', async () => {
    await Promise.all([
      new Trial().compare(activationOf(), DpopGuard),
      create().compare({ ...activationOf(), request: undefined }, DpopGuard),
      create().compare({ ...activationOf(), examination: undefined }, DpopGuard),
      create().compare(activationOf(), DpopGuard, new DpopUnavailableError('issuer_unavailable')),
      create().compare(activationOf(), DpopGuard, new DpopError('proof_replayed')),
      create().compare(activationOf(), DpopGuard, new DpopError('nonce_renewal')),
    ]);
    expect(calls).toStrictEqual([]);
    expect(examined).toBeUndefined();
  });

  test('costs no promise in a service that tries nothing', () => {
    expect(new Trial().compare(activationOf(), DpopGuard)).toBeUndefined();
  });
});

describe('the life of a trial (K1)', () => {
  const texts: string[] = [];
  const warn = (text: string): void => void texts.push(text);
  const LOUD = 'trial is set: each request is verified twice. Remove it once the log is quiet';

  beforeEach(() => {
    texts.length = 0;
  });

  test('opens and closes what it has of its own, and is loud', async () => {
    const trial = create({ tokens, revocation: new Checker() });
    await trial.open(warn);
    expect(texts).toEqual([LOUD, 'trial: tokens', `trial: checker at ${clock()}`]);
    await trial.close();
    expect(calls).toEqual([['tokens closed'], ['checker closed']]);
  });

  test('is nothing where nothing is tried', async () => {
    await new Trial().open(warn);
    await new Trial().close();
    expect([texts, calls]).toEqual([[], []]);
    await create().open(warn);
    await create().close();
    expect([texts, calls]).toEqual([[LOUD], []]);
  });

  test('needs nothing of a verifier or a checker that has nothing to open or close', async () => {
    class Bare extends AccessTokenVerifier {
      override verify(): AccessTokenClaims {
        return {};
      }
    }
    class BareChecker extends RevocationChecker {
      override isRevoked(): boolean {
        return false;
      }
    }
    const trial = create({ tokens: new Bare(), revocation: new BareChecker() });
    await trial.open(warn);
    await trial.close();
    expect(texts).toEqual([LOUD]);
  });

  test('does not fail a start', async () => {
    class Failing extends Tokens {
      override open(): never {
        throw new Error('quoted');
      }
    }
    await create({ tokens: new Failing(), revocation: new Checker() }).open(warn);
    expect(texts).toEqual([LOUD, `trial: checker at ${clock()}`, 'trial: its options could not be opened']);
  });
});
