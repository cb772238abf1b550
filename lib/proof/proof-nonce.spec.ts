import { describe, expect, test } from '@jest/globals';
import type { NonceService } from '../nonce/nonce.service.js';
import { acceptNonce } from './proof-nonce.js';

describe('the nonce of a proof (C10, E1)', () => {
  const accepted = { issuedAtSeconds: 1 };
  const asked: string[] = [];
  const nonces = {
    check: (nonce: string) => {
      asked.push(nonce);
      return nonce === 'good' ? accepted : undefined;
    },
  } as unknown as NonceService;

  test('may be left out, and must be good otherwise', () => {
    expect(acceptNonce(undefined, nonces)).toBeUndefined();
    expect(asked).toStrictEqual([]);
    expect(acceptNonce('good', nonces)).toBe(accepted);
    for (const nonce of ['', 'bad'])
      expect(() => acceptNonce(nonce, nonces)).toThrow(
        expect.objectContaining({ reason: 'nonce_unacceptable', code: 'use_dpop_nonce' }),
      );
  });
});
