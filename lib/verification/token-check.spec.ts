import { describe, expect, test } from '@jest/globals';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { ConfirmationOption } from '../access-token/second-confirmation.js';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { TokenCheck } from './token-check.js';

const REQUEST = { method: 'GET', target: '/', rawHeaders: [] };
const bound = { sub: 'user', cnf: { jkt: 'thumbprint' } };

class Answering extends AccessTokenVerifier {
  readonly asked: unknown[][] = [];
  readonly remembered: unknown[][] = [];

  constructor(private readonly answer: () => unknown) {
    super();
  }

  override verify(...parts: unknown[]): never {
    this.asked.push(parts);
    return this.answer() as never;
  }

  override remember(...parts: unknown[]): void {
    this.remembered.push(parts);
  }
}

/** Answers at once, and by a promise. */
const ways: readonly (readonly [string, (answer: () => unknown) => () => unknown])[] = [
  ['at once', (answer) => answer],
  [
    'by a promise',
    (answer) => () =>
      new Promise((resolve) => {
        resolve(answer());
      }),
  ],
];

const check = (answer: () => unknown, confirmation?: ConfirmationOption): TokenCheck =>
  new TokenCheck(new Answering(answer), confirmation);

async function outcomeOf(tokens: TokenCheck, scheme: 'DPoP' | 'Bearer' = 'DPoP'): Promise<unknown> {
  try {
    return await tokens.verify({ scheme, token: 'token' }, 'ath', REQUEST);
  } catch (error) {
    const { reason, details } = error as { reason?: unknown; details?: unknown };
    return reason === undefined ? error : { reason, ...(details as object | undefined) };
  }
}

describe.each(ways)('a token whose verifier answers %s', (_way, by) => {
  test('has its claims and the thumbprint that it is bound to (B2)', async () => {
    expect(await outcomeOf(check(by(() => bound)))).toEqual({ claims: bound, jkt: 'thumbprint' });
  });

  test('has no thumbprint as Bearer, and must not be bound (B4)', async () => {
    const claims = { sub: 'user' };
    expect(await outcomeOf(check(by(() => claims)), 'Bearer')).toEqual({ claims, jkt: '' });
    expect(await outcomeOf(check(by(() => bound)), 'Bearer')).toEqual({ reason: 'bound_token_as_bearer' });
  });

  test.each([{}, { cnf: {} }, { cnf: { jkt: '' } }, { cnf: null }])(
    'is refused if it is not bound: %j (B2)',
    async (claims) => {
      expect(await outcomeOf(check(by(() => claims)))).toEqual({ reason: 'token_unbound' });
    },
  );

  test('is refused if it is bound to something else that nobody checks (B11)', async () => {
    const claims = { cnf: { jkt: 'thumbprint', kid: 'x' } };
    expect(await outcomeOf(check(by(() => claims)))).toMatchObject({ reason: 'confirmation_unchecked' });
    expect(
      await outcomeOf(
        check(
          by(() => claims),
          'jkt-only',
        ),
      ),
    ).toEqual({ claims, jkt: 'thumbprint' });
  });

  test.each([undefined, null, 'claims', []])('is a failure if that is no claims: %j (D8)', async (answer) => {
    expect(await outcomeOf(check(by(() => answer)))).toEqual({ reason: 'internal_failure' });
  });

  const refusal = new DpopError('token_invalid', { detail: 'exp' });
  const failure = new DpopUnavailableError('issuer_unavailable');
  const other = new Error('another');

  test.each([refusal, failure, other])('is not verified by %p, which stays as it is', async (error) => {
    const tokens = check(
      by(() => {
        throw error;
      }),
    );
    await expect(
      (async () => await tokens.verify({ scheme: 'DPoP', token: 'token' }, 'ath', REQUEST))(),
    ).rejects.toBe(error);
  });

  class Advising extends Answering {
    readonly adviceAsked: unknown[][] = [];
    advice: () => unknown = () => 'do this';

    override advise(...parts: unknown[]): string | undefined {
      this.adviceAsked.push(parts);
      return this.advice() as string | undefined;
    }
  }

  test('that is refused is explained by its verifier, beside the details (D9)', async () => {
    const verifier = new Advising(
      by(() => {
        throw refusal;
      }),
    );
    expect(await outcomeOf(new TokenCheck(verifier))).toEqual({
      reason: 'token_invalid',
      detail: 'exp',
      advice: 'do this',
    });
    expect(verifier.adviceAsked).toEqual([['token', 'token_invalid', REQUEST]]);
    verifier.advice = () => 7;
    expect(await outcomeOf(new TokenCheck(verifier))).toEqual({ reason: 'token_invalid', detail: 'exp' });
    verifier.advice = () => {
      throw new Error('another');
    };
    expect(await outcomeOf(new TokenCheck(verifier))).toEqual({ reason: 'token_invalid', detail: 'exp' });
  });

  test('that is bound to no key is explained, too (D9)', async () => {
    expect(await outcomeOf(new TokenCheck(new Advising(by(() => ({})))))).toEqual({
      reason: 'token_unbound',
      advice: 'do this',
    });
  });

  test('that cannot be verified is not explained (D8)', async () => {
    const verifier = new Advising(
      by(() => {
        throw failure;
      }),
    );
    await outcomeOf(new TokenCheck(verifier));
    expect(verifier.adviceAsked).toStrictEqual([]);
  });
});

describe('the verifier of a token', () => {
  test('is asked with the token, its hash and the request', () => {
    const verifier = new Answering(() => bound);
    const verified = new TokenCheck(verifier).verify({ scheme: 'DPoP', token: 'token' }, 'ath', REQUEST);
    expect(verified).toEqual({ claims: bound, jkt: 'thumbprint' });
    expect(verifier.asked).toEqual([['token', 'ath', REQUEST]]);
  });

  test('remembers a token if it can (B8)', () => {
    const verifier = new Answering(() => bound);
    void new TokenCheck(verifier).remember('token', 'ath', bound);
    expect(verifier.remembered).toEqual([['token', 'ath', bound]]);
    class Forgetful extends AccessTokenVerifier {
      override verify(): typeof bound {
        return bound;
      }
    }
    expect(new TokenCheck(new Forgetful()).remember('token', 'ath', bound)).toBeUndefined();
  });
});
