import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { FixedNonceSecrets, parseNonceSecrets } from './fixed-nonce-secrets.js';

const octets = (length: number) => new Uint8Array(length).fill(0xfb);

describe('a configured secret (E5)', () => {
  test.each(['base64', 'base64url'] as const)('may be written in %s', (encoding) => {
    const secret = randomBytes(33);
    expect(parseNonceSecrets(secret.toString(encoding), 'nonce.secret')).toEqual([Uint8Array.from(secret)]);
  });

  test('may have padding or none, be octets, and be one of several', () => {
    const secret = octets(32);
    const text = Buffer.from(secret).toString('base64');
    expect(text).toMatch(/=$/);
    const values = [text, text.replace(/=+$/, ''), secret, Buffer.from(secret)];
    expect(parseNonceSecrets(values, 'nonce.secret')).toEqual(values.map(() => secret));
  });

  test('is copied: the caller may wipe its own', () => {
    const secret = octets(32);
    const [parsed] = parseNonceSecrets(secret, 'nonce.secret');
    secret.fill(0);
    expect(parsed).toEqual(octets(32));
  });

  test.each([
    ['31 octets', octets(31)],
    ['31 octets in base64', Buffer.from(octets(31)).toString('base64')],
    ['32 characters, which are 24 octets', 'a'.repeat(32)],
    ['nothing', ''],
    ['no secret at all', []],
    ['a passphrase', 'correct horse battery staple correct horse battery staple'],
    ['padding within', `${'a'.repeat(40)}=${'a'.repeat(40)}`],
    ['a line feed', `${'a'.repeat(44)}\n`],
    ['null', null],
    ['undefined', undefined],
    ['a number', 42],
    ['an ArrayBuffer', new ArrayBuffer(32)],
    ['other words than octets', new Uint16Array(32)],
    ['an array of numbers', Array.from({ length: 32 }, () => 1)],
    ['a short one beside a good one', [octets(32), octets(31)]],
  ])('is not %s', (_what, value) => {
    expect(() => parseNonceSecrets(value, 'nonce.secret')).toThrow(
      /^nonce\.secret must be at least 32 bytes/,
    );
  });

  test('is never quoted in what is thrown', () => {
    expect(() => parseNonceSecrets('c2hvcnQ', 'nonce.secret')).toThrow(
      expect.not.stringContaining('c2hvcnQ'),
    );
  });

  test('left out, is random and stays', () => {
    const secrets = new FixedNonceSecrets();
    expect(secrets.secrets()).toHaveLength(1);
    expect(secrets.secrets()[0]?.byteLength).toBe(32);
    expect(secrets.secrets()).toBe(secrets.secrets());
    expect(new FixedNonceSecrets().secrets()).not.toEqual(secrets.secrets());
  });
});
