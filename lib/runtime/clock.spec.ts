import { expect, jest, test } from '@jest/globals';
import { systemClock } from './clock.js';

test('the clock of the machine tells milliseconds since the Unix epoch', () => {
  const now = jest.spyOn(Date, 'now').mockReturnValue(1_800_000_000_123);
  try {
    expect(systemClock()).toBe(1_800_000_000_123);
  } finally {
    now.mockRestore();
  }
});
