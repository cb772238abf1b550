import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { CONFIGURATIONS, type ConfigurationName } from './hostile/configurations.js';
import { Service } from './hostile/service.js';
import { SUBJECTS, TABLE } from './hostile/table.js';
import { PLATFORMS } from './support/platforms.js';

// A busy machine takes its time over RSA keys of 8192 bits.
jest.setTimeout(60_000);

const NAMES = Object.keys(CONFIGURATIONS) as ConfigurationName[];

describe('the table of hostile requests', () => {
  test('has at least 200 rows, each of which says something else', () => {
    expect(TABLE.length).toBeGreaterThanOrEqual(200);
    const names = TABLE.map(({ id, what, on }) => `${id} ${on} ${what}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toStrictEqual([]);
  });
});

describe.each(PLATFORMS)('on %s', (platform) => {
  const services = new Map<ConfigurationName, Service>();
  const valid: ConfigurationName[] = [];
  const service = (name: ConfigurationName): Service => {
    const started = services.get(name);
    if (started === undefined) throw new Error(`${name} was not started`);
    return started;
  };

  beforeAll(async () => {
    for (const name of NAMES) {
      const started = await Service.start(platform, name);
      services.set(name, started);
      await started.assertBaseline();
      valid.push(name);
    }
  });

  afterAll(async () => {
    for (const started of services.values()) await started.close();
  });

  test('every row starts from a request that passes', () => {
    expect(valid).toEqual(NAMES);
  });

  describe.each(Object.entries(SUBJECTS))('%s', (_subject, rows) => {
    test.each(rows)('$what ($id)', (row) => service(row.on ?? 'default').play(row));
  });

  test.each(NAMES)('after all of it the baseline still passes: %s (D5)', (name) =>
    service(name).assertAlive(),
  );
});
