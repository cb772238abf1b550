import { describe, expect, test } from '@jest/globals';
import { createConfig } from '../config/dpop-config.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import { MemoryStorage } from '../storage/memory.storage.js';
import type { TicketContent } from '../tickets/ticket-content.js';
import { createNonceSecrets, createTicketSeal } from './nonce-providers.js';

const [ONE, OTHER] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];

function configOf(changes: Partial<DpopModuleOptions> = {}) {
  return createConfig({
    origin: 'https://api.example.com',
    accessToken: { issuer: 'https://auth.example.com', audience: 'api' },
    ...changes,
  });
}

describe('the secrets of nonces and tickets (E3)', () => {
  const nonceSecrets = { secrets: () => [OTHER] };
  const storage = Object.assign(new MemoryStorage(), { nonceSecrets });
  const secretsOf = (changes?: Partial<DpopModuleOptions>) =>
    createNonceSecrets(configOf(changes))
      .secrets()
      .map((secret) => Buffer.from(secret));

  test('are those of the options, then those of the storage', () => {
    const nonce = { mode: 'required', secret: ONE } as const;
    expect(secretsOf({ nonce, storage })).toEqual([ONE]);
    expect(secretsOf({ nonce })).toEqual([ONE]);
    expect(createNonceSecrets(configOf({ storage }))).toBe(nonceSecrets);
  });

  test('are otherwise random, and those of one process', () => {
    const [secret] = secretsOf();
    expect(secret).toHaveLength(32);
    expect(secretsOf()).not.toEqual([secret]);
  });
});

describe('the seal of tickets (J2)', () => {
  const content: TicketContent = {
    origin: 'https://api.example.com',
    path: '/feed',
    expiresAtSeconds: 1_800_000_030,
    scheme: 'DPoP',
    jkt: 'jkt',
    hasNonce: false,
    epoch: 'AAAAAAAA',
    token: 'token',
  };
  const secrets = { secrets: () => [ONE] };

  test('is the same for all instances of a service, and another one for each other service', () => {
    const ticket = createTicketSeal(configOf(), secrets).seal(content);
    expect(createTicketSeal(configOf(), secrets).open(ticket)).toMatchObject(content);
    expect(createTicketSeal(configOf({ realm: 'other' }), secrets).open(ticket)).toBeUndefined();
    expect(createTicketSeal(configOf(), { secrets: () => [OTHER] }).open(ticket)).toBeUndefined();
  });

  test('has the lifetime of the options', () => {
    const tickets = { lifetimeSeconds: 17 };
    expect(createTicketSeal(configOf({ tickets }), secrets).lifetimeSeconds).toBe(17);
  });
});
