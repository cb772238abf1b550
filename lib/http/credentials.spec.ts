import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DpopError } from '../errors/dpop.error.js';
import { attemptedScheme, parseCredentials, parseProofField, readCredentialFields } from './credentials.js';

const LIMITS = { tokenBytes: 100, proofBytes: 200 };
const parse = (...rawHeaders: string[]) => parseCredentials(readCredentialFields(rawHeaders), LIMITS);

function reasonOf(...rawHeaders: string[]): string | undefined {
  try {
    parse(...rawHeaders);
    return undefined;
  } catch (error) {
    return error instanceof DpopError ? error.reason : String(error);
  }
}

describe('credentials (A2)', () => {
  test.each(['DPoP token', 'dpop token', 'DPOP token', 'DPoP    token'])(
    'are read from %j',
    (authorization) => {
      expect(parse('Authorization', authorization, 'DPoP', 'proof')).toEqual({
        scheme: 'DPoP',
        token: 'token',
        proof: 'proof',
      });
    },
  );

  test('are read whatever the case of the field names', () => {
    expect(parse('Host', 'a', 'AUTHORIZATION', 'bearer abc', 'dPoP', 'p')).toEqual({
      scheme: 'Bearer',
      token: 'abc',
    });
  });

  test('are not read from a field whose name is as long', () => {
    const others = ['Cache-Control', 'no-store', 'Host', 'a', 'If-None-Match', '"a"', 'Date', 'today'];
    const credentials = { scheme: 'DPoP', token: 'token', proof: 'proof' };
    expect(parse(...others, 'Authorization', 'DPoP token', 'DPoP', 'proof', ...others)).toEqual(credentials);
  });

  test('may be all of token68', () => {
    expect(parse('authorization', 'DPoP aZ09-._~+/==', 'DPoP', 'p').token).toBe('aZ09-._~+/==');
  });

  test.each([
    [],
    ['Authorization', ''],
    ['Authorization', 'Basic dXNlcjpwYXNz'],
    ['Authorization', 'DPoPtoken'],
    ['Authorization', 'DPoP-token x'],
    ['Authorization', 'Negotiate'],
    ['Authorization', ' DPoP token'],
    ['Authorization', 'DPoP\ttoken'],
    ['Authorization', 'DPoP,token'],
    ['Proxy-Authorization', 'DPoP token', 'DPoP', 'proof'],
    ['X-Authorization', 'DPoP token'],
    ['DPoP', 'proof'],
    ['Cookie', 'Authorization=DPoP token'],
  ])('are missing: %j %j %j %j (D1)', (...rawHeaders: string[]) => {
    expect(reasonOf(...rawHeaders)).toBe('credentials_missing');
  });

  test.each([
    'DPoP',
    'Bearer',
    'DPoP ',
    'DPoP a b',
    'DPoP a,b',
    'DPoP "a"',
    'DPoP a=b',
    'DPoP =',
    'DPoP a\tb',
    'DPoP é',
    'DPoP a, DPoP b',
  ])('are malformed: %j', (authorization) => {
    expect(reasonOf('Authorization', authorization)).toBe('authorization_malformed');
  });
});

describe('the DPoP field (A3)', () => {
  test('more than one is refused, whatever the case and also when both are the same', () => {
    expect(reasonOf('Authorization', 'DPoP t', 'DPoP', 'p', 'dpop', 'p')).toBe('proof_repeated');
    expect(reasonOf('Authorization', 'Bearer t', 'DPoP', 'p', 'DPOP', 'q')).toBe('proof_repeated');
  });

  test('an empty one counts as none', () => {
    expect(reasonOf('Authorization', 'DPoP t', 'DPoP', '')).toBe('proof_missing');
    expect(reasonOf('Authorization', 'DPoP t')).toBe('proof_missing');
    expect(reasonOf('Authorization', 'Bearer t', 'DPoP', '')).toBeUndefined();
  });
});

describe('the Authorization field (A4)', () => {
  test.each([
    ['DPoP t', 'DPoP t'],
    ['DPoP t', 'Bearer t'],
    ['DPoP t', ''],
    ['', ''],
    ['Basic x', 'DPoP t'],
  ])('more than one is refused: %j, %j', (first, second) => {
    expect(reasonOf('Authorization', first, 'authorization', second, 'DPoP', 'p')).toBe(
      'authorization_repeated',
    );
  });
});

describe('sizes (A5)', () => {
  test('up to the limit, and no more', () => {
    const [token, proof] = ['t'.repeat(100), 'p'.repeat(200)];
    expect(reasonOf('Authorization', `DPoP ${token}`, 'DPoP', proof)).toBeUndefined();
    expect(reasonOf('Authorization', `DPoP ${token}t`, 'DPoP', proof)).toBe('token_too_large');
    expect(reasonOf('Authorization', `DPoP ${token}`, 'DPoP', `${proof}p`)).toBe('proof_too_large');
  });
});

describe('whatever a request holds (D5)', () => {
  test('ends in credentials or in a refusal', () => {
    const name = fc.constantFrom('Authorization', 'authorization', 'DPoP', 'dpop', 'Host', '');
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('DPoP t', 'Bearer t', 'dpop  t=', '', 'DPoP'),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 4 }), (fields) => {
        const rawHeaders = fields.flat();
        expect(['DPoP', 'Bearer', undefined]).toContain(attemptedScheme(readCredentialFields(rawHeaders)));
        const reason = reasonOf(...rawHeaders) ?? '';
        expect([
          '',
          'proof_missing',
          'credentials_missing',
          'authorization_repeated',
          'authorization_malformed',
          'proof_repeated',
          'token_too_large',
          'proof_too_large',
        ]).toContain(reason);
      }),
    );
  });

  test('the scheme that was tried is known also when the rest is unusable (D3)', () => {
    expect(attemptedScheme(readCredentialFields(['authorization', 'dpop']))).toBe('DPoP');
    expect(attemptedScheme(readCredentialFields(['Authorization', 'BEARER a b']))).toBe('Bearer');
    expect(attemptedScheme(readCredentialFields(['Authorization', 'Basic a']))).toBeUndefined();
    expect(attemptedScheme(readCredentialFields([]))).toBeUndefined();
  });

  test('half a pair is none', () => {
    expect(reasonOf('Authorization')).toBe('credentials_missing');
    expect(parse('Authorization', 'DPoP token', 'DPoP', 'proof', 'Authorization')).toHaveProperty(
      'proof',
      'proof',
    );
  });
});

describe('the proof of a request without an access token (C1, A5)', () => {
  const proofIn = (...rawHeaders: string[]): unknown => {
    try {
      return parseProofField(readCredentialFields(rawHeaders), 10);
    } catch (error) {
      const { reason, details } = error as DpopError;
      return { reason, ...details };
    }
  };

  test('is one field of at most so many bytes', () => {
    expect(proofIn('DPoP', 'proof')).toBe('proof');
    expect(proofIn('DPoP', 'x'.repeat(10))).toBe('x'.repeat(10));
    expect(proofIn('DPoP', 'x'.repeat(11))).toEqual({
      reason: 'proof_too_large',
      expected: ['at most 10 bytes'],
    });
    expect(proofIn('DPoP', 'proof', 'dpop', 'proof')).toEqual({ reason: 'proof_repeated' });
    expect(proofIn('DPoP', '', 'dpop', '')).toEqual({ reason: 'proof_repeated' });
  });

  test('is none if the field is absent; an empty field is a proof that is malformed', () => {
    expect(proofIn()).toBeUndefined();
    expect(proofIn('DPoP', '')).toBe('');
  });
});

test('what is no token68 is malformed, wherever the padding stands (A2)', () => {
  for (const token of ['=', '==', 'a=b', '=a', 'a==b=', 'a b', 'a\u00e9'])
    expect(reasonOf('Authorization', `DPoP ${token}`, 'DPoP', 'proof')).toBe('authorization_malformed');
});
