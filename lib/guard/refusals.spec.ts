import { expect, jest, test } from '@jest/globals';
import type { DpopConfig } from '../config/dpop-config.js';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
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

test('a refusal that was only reported names the client, if it was examined (K1)', () => {
  const lines: string[] = [];
  const refusals = new Refusals({ clock: Date.now } as DpopConfig, (_level, text) => void lines.push(text));
  const place = { route: '/a', handler: 'A.b', method: 'GET' };
  const subject = { issuer: 'https://issuer.example', clientId: 'app', jkt: undefined };
  refusals.logReported(new DpopError('token_invalid'), place, { subject } as DpopExamination);
  refusals.logReported(new DpopError('token_invalid'), { ...place, handler: 'A.c' }, undefined);
  expect(lines).toEqual([
    expect.stringMatching(/would be refused: .* on GET \/a \(A\.b\).*app/),
    expect.stringMatching(/would be refused: .* on GET \/a \(A\.c\)/),
  ]);
});
