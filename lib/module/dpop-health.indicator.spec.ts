import { describe, expect, test } from '@jest/globals';
import { createConfig } from '../config/dpop-config.js';
import { RevocationChecker } from '../revocation/revocation.checker.js';
import { MemoryStorage } from '../storage/memory.storage.js';
import { DpopHealthIndicator } from './dpop-health.indicator.js';

function indicatorOf(ping?: () => Promise<void>, revocation?: RevocationChecker): DpopHealthIndicator {
  const config = createConfig({
    origin: 'https://api.example.com',
    accessToken: { issuer: 'https://auth.example.com', audience: 'api' },
    storage: Object.assign(new MemoryStorage(), ping && { ping }),
    ...(revocation && { revocation }),
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

describe('the health of the revocation checker (B9, D8)', () => {
  class Checker extends RevocationChecker {
    override isRevoked(): boolean {
      return false;
    }
  }
  const failing = (): Promise<void> => Promise.reject(new Error('redis://user:secret@host'));

  test('is up where the checker answers, and where it has no ping', async () => {
    const up = { dpop: { status: 'up' } };
    expect(await indicatorOf(undefined, new Checker()).isHealthy()).toEqual(up);
    const answering = Object.assign(new Checker(), { ping: () => Promise.resolve() });
    expect(await indicatorOf(undefined, answering).isHealthy()).toEqual(up);
  });

  test('is down where the checker fails, alone or beside the storage', async () => {
    const checker = Object.assign(new Checker(), { ping: failing });
    const message = 'the revocation checker cannot say anything';
    expect(await indicatorOf(undefined, checker).isHealthy()).toEqual({ dpop: { status: 'down', message } });
    expect(await indicatorOf(failing, checker).isHealthy()).toEqual({
      dpop: { status: 'down', message: `the storage cannot be reached; ${message}` },
    });
  });
});
