import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { ConfigurationName } from './hostile/configurations.js';
import { SERVER_CONFIGURATIONS, SERVER_SUBJECTS } from './hostile/server-table.js';
import { AUTHORIZATION_SERVER } from './hostile/service-kind.js';
import { Service } from './hostile/service.js';
import { PLATFORMS } from './support/platforms.js';

// A busy machine takes its time over RSA keys of 8192 bits.
jest.setTimeout(60_000);

describe('the table of hostile requests to an authorization server', () => {
  const rows = Object.values(SERVER_SUBJECTS).flat();

  test('has most of the rows about proofs that a protected resource has, and no row twice', () => {
    expect(rows.length).toBeGreaterThanOrEqual(400);
    for (const [subject, ofSubject] of Object.entries(SERVER_SUBJECTS))
      expect({ subject, isEmpty: ofSubject.length === 0 }).toEqual({ subject, isEmpty: false });
    const names = rows.map(({ id, what, on }) => `${id} ${on} ${what}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toStrictEqual([]);
  });
});

describe.each(PLATFORMS)('an authorization server on %s', (platform) => {
  const services = new Map<ConfigurationName, Service>();
  const service = (name: ConfigurationName): Service => {
    const started = services.get(name);
    if (started === undefined) throw new Error(`${name} was not started`);
    return started;
  };

  beforeAll(async () => {
    for (const name of SERVER_CONFIGURATIONS) {
      const started = await Service.start(platform, name, 'enforce', AUTHORIZATION_SERVER);
      services.set(name, started);
      await started.assertBaseline();
    }
  });

  afterAll(async () => {
    for (const started of services.values()) await started.close();
  });

  test('every row starts from a request that passes', () => {
    expect([...services.keys()]).toEqual(SERVER_CONFIGURATIONS);
  });

  describe.each(Object.entries(SERVER_SUBJECTS))('%s', (_subject, rows) => {
    test.each(rows)('$what ($id)', (row) => service(row.on ?? 'default').play(row));
  });

  test.each(SERVER_CONFIGURATIONS)('after all of it the baseline still passes: %s (D5)', (name) =>
    service(name).assertAlive(),
  );
});
