import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { DPOP_DECISION_CHANNEL, type DpopDecision } from '../lib/index.js';
import { LineBudget } from '../lib/runtime/line-budget.js';
import { MARKER } from './hostile/baseline.js';
import { CONFIGURATIONS, type ConfigurationName } from './hostile/configurations.js';
import { Service } from './hostile/service.js';
import { TABLE } from './hostile/table.js';
import { LogCollector } from './support/log-collector.js';

// As the table itself.
jest.setTimeout(60_000);

describe('the whole table of hostile requests (D9, D6)', () => {
  let explained = 0;
  const { take } = LineBudget.prototype;
  afterAll(() => {
    LineBudget.prototype.take = take;
  });

  /** The marker in base64url, wherever it begins within three octets. */
  const encodings = ['', 'x', 'xx'].map((before) =>
    Buffer.from(`${before}${MARKER}`).toString('base64url').slice(2, 12),
  );
  /** What is made of random octets, or of JSON that is encoded. */
  const ENCODED = /(?=[\w-]*\d)(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{20,}/;

  test.each(Object.keys(CONFIGURATIONS) as ConfigurationName[])(
    'leaves nothing that a client sent in the log or in an event: %s',
    async (name) => {
      const logger = new LogCollector();
      const decisions: DpopDecision[] = [];
      const listener = (message: unknown): void => void decisions.push(message as DpopDecision);
      const service = await Service.start('express', name);
      await service.assertBaseline();
      // The kit starts its apps without a logger; each line is to be seen.
      Logger.overrideLogger(logger);
      LineBudget.prototype.take = () => true;
      const rows = TABLE.filter((row) => (row.on ?? 'default') === name);
      try {
        subscribe(DPOP_DECISION_CHANNEL, listener);
        for (const row of rows) await service.play(row);
        const failures = decisions.filter(({ outcome }) => outcome !== 'accepted');
        explained += failures.length;
        expect(logger.lines).toHaveLength(failures.length);
        const events = decisions.map(({ clientId: _proved, jkt: _too, ...rest }) => JSON.stringify(rest));
        for (const text of [...logger.lines, ...events]) {
          expect(text.toLowerCase()).not.toContain(MARKER);
          for (const encoding of encodings) expect(text).not.toContain(encoding);
          expect(text).not.toMatch(ENCODED);
          expect(text).not.toMatch(/\p{Cc}/u);
        }
      } finally {
        unsubscribe(DPOP_DECISION_CHANNEL, listener);
        Logger.overrideLogger(false);
        await service.close();
      }
    },
  );

  test('and each of its refusals and failures has a line', () => {
    expect(explained).toBeGreaterThan(300);
  });
});
