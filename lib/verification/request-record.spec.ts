import { describe, expect, test } from '@jest/globals';
import { recordOf, verdictOn } from './request-record.js';
import type { DpopVerdict } from './verdict.js';

const VERDICT = { jkt: 'thumbprint' } as DpopVerdict;

describe('the record of a request', () => {
  test('is one for all who ask', () => {
    const request = {};
    expect(recordOf(request)).toBe(recordOf(request));
    expect(recordOf({})).not.toBe(recordOf(request));
  });

  test('is nowhere to be seen, on no copy, and on nothing that inherits from the request', () => {
    const request = { method: 'GET' };
    recordOf(request).verdict = VERDICT;
    expect(Reflect.ownKeys(request)).toEqual(['method']);
    expect(verdictOn(request)).toBe(VERDICT);
    expect(verdictOn({ ...request })).toBeUndefined();
    expect(verdictOn(Object.create(request))).toBeUndefined();
    expect(verdictOn(new Proxy(request, {}))).toBeUndefined();
  });

  test('is not made by looking for a verdict, which is not found on what is no object', () => {
    expect([{}, undefined, null, 'text'].map(verdictOn)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
