import { describe, expect, test } from '@jest/globals';
import { DpopError } from '../errors/dpop.error.js';
import { assertHtm } from './proof-htm.js';

function reasonOf(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return error instanceof DpopError ? error.reason : String(error);
  }
}

function refusalOf(check: () => unknown): unknown {
  try {
    return check();
  } catch (error) {
    return error instanceof DpopError ? [error.reason, error.details] : error;
  }
}

describe('htm (C8)', () => {
  test('equals the method, case-sensitive', () => {
    expect(reasonOf(() => assertHtm('GET', 'GET'))).toBeUndefined();
    for (const htm of ['get', 'Get', 'POST', 'GET ', ''])
      expect(reasonOf(() => assertHtm(htm, 'GET'))).toBe('proof_htm');
  });

  test('equals the method that was routed, too', () => {
    expect(reasonOf(() => assertHtm('POST', 'POST', 'POST'))).toBeUndefined();
    expect(reasonOf(() => assertHtm('POST', 'POST', 'DELETE'))).toBe('proof_htm');
    expect(reasonOf(() => assertHtm('DELETE', 'POST', 'DELETE'))).toBe('proof_htm');
  });

  test('the operator is told the claim (D9)', () => {
    expect(refusalOf(() => assertHtm('PUT', 'GET'))).toEqual(['proof_htm', { detail: 'htm' }]);
  });
});
