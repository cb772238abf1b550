import { expect, test } from '@jest/globals';
import { createScript } from './redis-script.js';

test('a script has the digest by which Redis calls it, as in the documentation of EVALSHA', () => {
  expect(createScript('return 1')).toEqual({
    source: 'return 1',
    sha: 'e0e1f9fabfc9d4800c877a703b823ac0578ff8db',
  });
});
