import { expect, jest, test } from '@jest/globals';
import type { DpopConfig } from '../config/dpop-config.js';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import type { DpopExamination } from '../verification/examination.js';
import { Refusals } from './refusals.js';

test('an accepted request costs no names, unless something failed (D9)', () => {
  const lines: string[] = [];
  const refusals = new Refusals({ clock: Date.now } as DpopConfig, (_level, text) => void lines.push(text));
  const place = jest.fn(() => ({ route: '/a', handler: 'A.b', method: 'GET' }));
  refusals.logTolerated({} as DpopExamination, place);
  expect(place).not.toHaveBeenCalled();
  const toleratedFailure = new DpopUnavailableError('replay_store_unavailable');
  refusals.logTolerated({ toleratedFailure } as DpopExamination, place);
  expect(place).toHaveBeenCalledTimes(1);
  expect(lines.join()).toMatch(/^accepted without a replay check: replay_store_unavailable/);
});
