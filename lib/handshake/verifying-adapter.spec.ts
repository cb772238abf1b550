import { describe, expect, test } from '@jest/globals';
import { isVerifying, markVerifying } from './verifying-adapter.js';

describe('the mark of an adapter that verifies handshakes (J1)', () => {
  test('is on the adapter that was marked, also twice, and on no other', () => {
    const adapter = {};
    expect(isVerifying(adapter)).toBe(false);
    markVerifying(adapter);
    markVerifying(adapter);
    expect(isVerifying(adapter)).toBe(true);
    for (const other of [{}, { ...adapter }, Object.create(adapter), undefined, null, 'adapter'])
      expect(isVerifying(other)).toBe(false);
  });

  test('is nowhere to be seen', () => {
    const adapter = {};
    markVerifying(adapter);
    expect(Reflect.ownKeys(adapter)).toStrictEqual([]);
  });
});
