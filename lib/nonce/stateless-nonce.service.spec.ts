import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { NonceSecretSource } from './nonce-secret.source.js';
import { FixedNonceSecrets } from './fixed-nonce-secrets.js';
import { NO_EPOCH, StatelessNonceService, type StatelessNonceOptions } from './stateless-nonce.service.js';

const NOW = 1_700_000_000;
const SECRET = randomBytes(32);

function serviceAt(nowSeconds: number, options: Partial<StatelessNonceOptions> = {}): StatelessNonceService {
  return new StatelessNonceService({
    secrets: new FixedNonceSecrets([SECRET]),
    service: 'a',
    lifetimeSeconds: 120,
    clock: () => nowSeconds * 1000,
    ...options,
  });
}

const seconds = fc.integer({ min: -500_000, max: 500_000 }).map((value) => NOW + value / 1000);
const epoch = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((octets) => Buffer.from(octets).toString('base64url'));

describe('a nonce (E3)', () => {
  test('is a few dozen characters of the alphabet of §8.1, and carries the epoch in which it was issued', () => {
    fc.assert(
      fc.property(seconds, epoch, (now, name) => {
        const nonce = serviceAt(now).issue(name);
        expect(nonce).toMatch(/^[\w-]{36}$/);
        expect(serviceAt(now).check(nonce)?.epoch).toBe(name);
      }),
    );
    expect(serviceAt(NOW).check(serviceAt(NOW).issue())?.epoch).toBe(NO_EPOCH);
  });

  test.each([
    ['another service', { service: 'b' }],
    ['another secret', { secrets: new FixedNonceSecrets() }],
    ['another lifetime', { lifetimeSeconds: 60 }],
  ])('of %s is refused', (_what, options) => {
    expect(serviceAt(NOW).check(serviceAt(NOW, options).issue())).toBeUndefined();
    expect(serviceAt(NOW, options).check(serviceAt(NOW).issue())).toBeUndefined();
  });

  test('of a secret made for one process is refused by the next', () => {
    const [one, other] = [new FixedNonceSecrets(), new FixedNonceSecrets()];
    const nonce = serviceAt(NOW, { secrets: one }).issue();
    expect(serviceAt(NOW, { secrets: one }).check(nonce)).toBeDefined();
    expect(serviceAt(NOW, { secrets: other }).check(nonce)).toBeUndefined();
  });

  test('with any one bit changed is refused', () => {
    const octets = Buffer.from(serviceAt(NOW).issue(), 'base64url');
    for (let bit = 0; bit < octets.length * 8; bit += 1) {
      const changed = Buffer.from(octets);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(serviceAt(NOW).check(changed.toString('base64url'))).toBeUndefined();
    }
  });

  test('has one spelling', () => {
    const service = serviceAt(NOW);
    let nonce = service.issue();
    for (let i = 0; !/-/.test(nonce) || !/_/.test(nonce); i += 1)
      nonce = service.issue(`AAAA${String(i).padStart(4, '0')}`);
    const spellings = [
      nonce.replaceAll('-', '+'),
      nonce.replaceAll('_', '/'),
      `${nonce}=`,
      `${nonce}==`,
      ` ${nonce}`,
      `${nonce}\n`,
      `${nonce.slice(0, 9)} ${nonce.slice(9)}`,
      `${nonce}A`,
      `${nonce}é`,
      nonce.slice(0, -1),
    ];
    for (const spelling of spellings) expect(service.check(spelling)).toBeUndefined();
    expect(service.check(nonce)).toBeDefined();
  });

  test('that the service did not issue is refused, for any text', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .uint8Array({ minLength: 27, maxLength: 27 })
        .map((octets) => Buffer.from(octets).toString('base64url')),
    );
    fc.assert(fc.property(text, (nonce) => expect(serviceAt(NOW).check(nonce)).toBeUndefined()));
  });
});

describe('windows (E4)', () => {
  const lifetime = fc.integer({ min: 1, max: 300 });

  test('the present, the previous and the next are accepted, and no other', () => {
    fc.assert(
      fc.property(lifetime, seconds, seconds, (lifetimeSeconds, issuedAt, checkedAt) => {
        const nonce = serviceAt(issuedAt, { lifetimeSeconds }).issue();
        const accepted = serviceAt(checkedAt, { lifetimeSeconds }).check(nonce);
        const windowOf = (time: number) => Math.floor((time * 1000) / 1000 / lifetimeSeconds);
        const age = windowOf(checkedAt) - windowOf(issuedAt);
        expect(accepted !== undefined).toBe(Math.abs(age) <= 1);
        if (accepted !== undefined) expect(accepted.renewalDue).toBe(age === 1);
      }),
      { numRuns: 300 },
    );
  });

  test('a nonce lives at least its lifetime, and exactly as long as it says', () => {
    fc.assert(
      fc.property(lifetime, seconds, (lifetimeSeconds, issuedAt) => {
        const at = (time: number) => serviceAt(time, { lifetimeSeconds });
        const nonce = at(issuedAt).issue();
        const until = at(issuedAt).check(nonce)?.expiresAtSeconds ?? 0;
        expect(until - issuedAt).toBeGreaterThan(lifetimeSeconds);
        expect(until - issuedAt).toBeLessThanOrEqual(2 * lifetimeSeconds);
        expect(at(until - 0.001).check(nonce)?.expiresAtSeconds).toBe(until);
        expect(at(until).check(nonce)).toBeUndefined();
      }),
    );
  });

  test('no nonce outlives what the service says of them (F4)', () => {
    fc.assert(
      fc.property(lifetime, seconds, fc.integer({ min: -1, max: 1 }), (lifetimeSeconds, checkedAt, ahead) => {
        const service = serviceAt(checkedAt, { lifetimeSeconds });
        const nonce = serviceAt(checkedAt + ahead * lifetimeSeconds, { lifetimeSeconds }).issue();
        const until = service.check(nonce)?.expiresAtSeconds ?? 0;
        expect(until - checkedAt).toBeLessThanOrEqual(service.maxLifetimeSeconds);
      }),
    );
  });
});

describe('secrets (E5, E6)', () => {
  class Rotating implements NonceSecretSource {
    constructor(public current: readonly Uint8Array[]) {}
    secrets(): readonly Uint8Array[] {
      return this.current;
    }
  }

  test('shared, instances accept each other’s nonces', () => {
    const one = serviceAt(NOW, { secrets: new FixedNonceSecrets([Uint8Array.from(SECRET)]) });
    const other = serviceAt(NOW + 60, { secrets: new FixedNonceSecrets([Uint8Array.from(SECRET)]) });
    expect(other.check(one.issue())).toBeDefined();
    expect(one.check(other.issue())).toBeDefined();
  });

  test('rotate without refusing a nonce handed out a moment ago; dropped, they are refused', () => {
    const [first, second, third] = [randomBytes(32), randomBytes(32), randomBytes(32)];
    const secrets = new Rotating([first]);
    const service = serviceAt(NOW, { secrets });
    const old = service.issue();
    secrets.current = [second, first];
    expect(service.check(old)).toBeDefined();
    const present = service.issue();
    expect(serviceAt(NOW, { secrets: new Rotating([first]) }).check(present)).toBeUndefined();
    expect(serviceAt(NOW, { secrets: new Rotating([second]) }).check(present)).toBeDefined();
    secrets.current = [third, second];
    expect(service.check(old)).toBeUndefined();
    expect(service.check(present)).toBeDefined();
  });

  test('without a secret, no nonce is issued or recognised', () => {
    const service = serviceAt(NOW, { secrets: new Rotating([]) });
    expect(() => service.issue()).toThrow(/returns no secret/);
    expect(service.check(serviceAt(NOW).issue())).toBeUndefined();
  });
});
