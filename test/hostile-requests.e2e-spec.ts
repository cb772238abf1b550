import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CONFIGURATIONS, type ConfigurationName } from './hostile/configurations.js';
import { Service } from './hostile/service.js';
import { TABLE } from './hostile/table.js';
import { PLATFORMS } from './support/apps.js';

const NAMES = Object.keys(CONFIGURATIONS) as ConfigurationName[];
const SECTIONS = [...new Set(TABLE.map(({ id }) => id))];

describe('the table of hostile requests', () => {
  test('has at least 200 rows, each of which says something else', () => {
    expect(TABLE.length).toBeGreaterThanOrEqual(200);
    const names = TABLE.map(({ id, what, on }) => `${id} ${on} ${what}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});

describe.each(PLATFORMS)('on %s', (platform) => {
  const services = new Map<ConfigurationName, Service>();
  const service = (name: ConfigurationName): Service => {
    const started = services.get(name);
    if (started === undefined) throw new Error(`${name} was not started`);
    return started;
  };

  beforeAll(async () => {
    for (const name of NAMES) services.set(name, await Service.start(platform, name));
  }, 60_000);

  afterAll(async () => {
    for (const started of services.values()) await started.close();
  });

  test.each(NAMES)('the baseline passes where the service is: %s', (name) => service(name).assertBaseline());

  describe.each(SECTIONS)('%s', (id) => {
    const rows = TABLE.filter((row) => row.id === id);
    test.each(rows)('$what', (row) => service(row.on ?? 'default').play(row));
  });

  test.each(NAMES)('D5 after all of it the baseline still passes: %s', (name) => service(name).assertAlive());
});
