import { describe, expect, test } from '@jest/globals';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { RevocationCheck } from './revocation-check.js';
import { type RevocableToken, RevocationChecker } from './revocation.checker.js';

const TOKEN: RevocableToken = {
  claims: {},
  issuer: undefined,
  subject: undefined,
  clientId: undefined,
  jkt: undefined,
};

class Answering extends RevocationChecker {
  constructor(
    private readonly answer: () => unknown,
    override readonly deadlineMs = 20,
  ) {
    super();
  }

  override isRevoked(): boolean {
    return this.answer() as boolean;
  }
}

async function outcomeOf(answer: () => unknown, onFailure: 'refuse' | 'accept-and-report' = 'refuse') {
  const check = new RevocationCheck(new Answering(answer), onFailure);
  try {
    return await check.assertNotRevoked(TOKEN);
  } catch (error) {
    return error;
  }
}

const fail = (error: unknown) => () => {
  throw error;
};
const hanging = () => new Promise<never>(() => {});

describe('the answer of a revocation checker (B9)', () => {
  test('false at once passes at once, and true at once throws at once', () => {
    const check = (answer: boolean) => new RevocationCheck(new Answering(() => answer), 'refuse');
    expect(check(false).assertNotRevoked(TOKEN)).toBeUndefined();
    expect(() => check(true).assertNotRevoked(TOKEN)).toThrow(new DpopError('token_revoked'));
  });

  test('a promise of false passes, and a promise of true is refused', async () => {
    expect(await outcomeOf(() => Promise.resolve(false))).toBeUndefined();
    expect(await outcomeOf(() => Promise.resolve(true))).toMatchObject({
      reason: 'token_revoked',
      status: 401,
    });
  });

  test.each([undefined, null, 0, 1, '', 'false', {}, [], () => false])(
    'is nothing but true or false: %p is a failure, tolerated nowhere',
    async (answer) => {
      for (const given of [() => answer, () => Promise.resolve(answer)]) {
        for (const onFailure of ['refuse', 'accept-and-report'] as const) {
          expect(await outcomeOf(given, onFailure)).toMatchObject({
            reason: 'revocation_unavailable',
            advice: 'RevocationChecker.isRevoked must answer true or false',
          });
        }
      }
    },
  );

  test.each<[string, () => unknown]>([
    ['throws', fail(new Error('down'))],
    ['throws undefined', fail(undefined)],
    ['throws a refusal', fail(new DpopError('token_expired'))],
    ['rejects', () => Promise.reject(new Error('down'))],
    ['hangs', hanging],
    ['is unavailable', fail(new DpopUnavailableError('revocation_unavailable'))],
  ])('one that %s is a failure, which only the option tolerates', async (_what, answer) => {
    const refused = await outcomeOf(answer);
    expect(refused).toBeInstanceOf(DpopUnavailableError);
    expect(refused).toMatchObject({ reason: 'revocation_unavailable', status: 503 });
    const check = new RevocationCheck(new Answering(answer), 'accept-and-report');
    expect(await check.assertNotRevoked(TOKEN)).toMatchObject({ reason: 'revocation_unavailable' });
  });

  test('is an error where the option says refuse, and is told beside the verdict where it says accept', async () => {
    const down = fail(new Error('down'));
    const refusing = new RevocationCheck(new Answering(down), 'refuse');
    expect(() => refusing.assertNotRevoked(TOKEN)).toThrow(DpopUnavailableError);
    const accepting = new RevocationCheck(new Answering(down), 'accept-and-report');
    expect(accepting.assertNotRevoked(TOKEN)).toMatchObject({ reason: 'revocation_unavailable' });
    const late = () => Promise.reject(new Error('down'));
    await expect(new RevocationCheck(new Answering(late), 'refuse').assertNotRevoked(TOKEN)).rejects.toThrow(
      DpopUnavailableError,
    );
  });

  test('a checker that hangs is named, with its deadline', async () => {
    expect(await outcomeOf(hanging)).toMatchObject({ advice: 'Answering did not answer within 20 ms' });
  });

  test.each(['revocation_undecidable', 'internal_failure'] as const)(
    'a token that cannot be judged is no outage: %s is tolerated nowhere',
    async (reason) => {
      const error = new DpopUnavailableError(reason);
      const check = new RevocationCheck(new Answering(fail(error)), 'accept-and-report');
      expect(() => check.assertNotRevoked(TOKEN)).toThrow(error);
    },
  );
});
