import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { CONFIGURATIONS, type ConfigurationName } from './hostile/configurations.js';
import { Service } from './hostile/service.js';
import { SUBJECTS } from './hostile/table.js';
import { PLATFORMS } from './support/platforms.js';

// A busy machine takes its time over RSA keys of 8192 bits.
jest.setTimeout(60_000);

/** All but those with `bearer: 'forbid'`, which cannot report. */
const NAMES = (Object.keys(CONFIGURATIONS) as ConfigurationName[]).filter(
  (name) => CONFIGURATIONS[name]().dpop.bearer !== 'forbid',
);

describe.each(PLATFORMS)(
  "the table of hostile requests with enforcement: 'report', on %s (K1)",
  (platform) => {
    const services = new Map<ConfigurationName, Service>();
    const service = (name: ConfigurationName): Service => {
      const started = services.get(name);
      if (started === undefined) throw new Error(`${name} was not started`);
      return started;
    };

    beforeAll(async () => {
      for (const name of NAMES) {
        const started = await Service.start(platform, name, 'report');
        services.set(name, started);
        await started.assertBaseline();
      }
    });

    afterAll(async () => {
      for (const started of services.values()) await started.close();
    });

    const tables = Object.entries(SUBJECTS)
      .map(([subject, rows]) => [subject, rows.filter(({ on = 'default' }) => NAMES.includes(on))] as const)
      .filter(([, rows]) => rows.length > 0);

    test('plays more than a thousand rows', () => {
      expect(tables.flatMap(([, rows]) => rows).length).toBeGreaterThan(1000);
    });

    describe.each(tables)('%s', (_subject, rows) => {
      test.each(rows)('reaches the handler, and is told: $what', (row) =>
        service(row.on ?? 'default').play(row),
      );
    });
  },
);
