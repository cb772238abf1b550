import { describe, expect, test } from '@jest/globals';
import { createConfig } from '../config/dpop-config.js';
import { MemoryStorage } from '../storage/memory.storage.js';
import { DpopHealthIndicator } from './dpop-health.indicator.js';

function indicatorOf(ping?: () => Promise<void>): DpopHealthIndicator {
  const config = createConfig({
    origin: 'https://api.example.com',
    accessToken: { issuer: 'https://auth.example.com', audience: 'api' },
    storage: Object.assign(new MemoryStorage(), ping && { ping }),
  });
  return new DpopHealthIndicator(config);
}

describe('the health of the storage (D8)', () => {
  test('is up where the storage answers, and where it has no ping', async () => {
    const up = { dpop: { status: 'up' } };
    expect(await indicatorOf(() => Promise.resolve()).isHealthy()).toEqual(up);
    expect(await indicatorOf().isHealthy()).toEqual(up);
  });

  test('is down where the storage fails, and nothing of its error is told', async () => {
    const failing = indicatorOf(() => Promise.reject(new Error('redis://user:secret@host')));
    expect(await failing.isHealthy()).toEqual({
      dpop: { status: 'down', message: 'the storage cannot be reached' },
    });
  });

  test('has the key that the app asks for', async () => {
    expect(await indicatorOf().isHealthy('storage')).toEqual({ storage: { status: 'up' } });
  });
});
