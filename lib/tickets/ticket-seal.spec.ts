import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import type { TicketContent } from './ticket-content.js';
import { TicketSeal } from './ticket-seal.js';

const SECRET = new Uint8Array(32).fill(1);
const NEXT = new Uint8Array(32).fill(2);

const CONTENT: TicketContent = {
  origin: 'https://api.example.com',
  path: '/feed',
  expiresAtSeconds: 1_700_000_030,
  scheme: 'DPoP',
  jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I',
  hasNonce: true,
  epoch: 'AAAAAAAA',
  token: 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1c2VyIn0.c2lnbmF0dXJl',
};

function sealOf(secrets: readonly Uint8Array[] = [SECRET], service = 'a'): TicketSeal {
  return new TicketSeal({ secrets: new FixedNonceSecrets(secrets), service, lifetimeSeconds: 30 });
}

describe('a sealed ticket (J2)', () => {
  test('is opened with all that it was sealed with, and an id of its own', () => {
    const seal = sealOf();
    const [one, other] = [seal.seal(CONTENT), seal.seal(CONTENT)];
    expect(seal.open(one)).toEqual({ ...CONTENT, id: one.slice(0, 32) });
    expect(seal.open(other)?.id).not.toBe(seal.open(one)?.id);
  });

  test('keeps any content', () => {
    const seal = sealOf();
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.boolean(), fc.string(), (path, jkt, hasNonce, token) => {
        const content: TicketContent = { ...CONTENT, scheme: 'Bearer', path, jkt, hasNonce, token };
        const { id, ...opened } = seal.open(seal.seal(content)) ?? {};
        expect(id).toHaveLength(32);
        expect(opened).toEqual(content);
      }),
    );
  });

  test('shows nothing of its content', () => {
    const bytes = Buffer.from(sealOf().seal({ ...CONTENT, token: CONTENT.token.repeat(50) }), 'base64url');
    for (const text of [CONTENT.token.slice(0, 8), CONTENT.path, CONTENT.jkt])
      expect(bytes.includes(text)).toBe(false);
  });

  test('is base64url, of about the length of its token', () => {
    const token = Buffer.from(Array.from({ length: 1500 }, (_, i) => (i * 7919 + i * i * 31) % 251)).toString(
      'base64url',
    );
    const ticket = sealOf().seal({ ...CONTENT, token });
    expect(ticket).toMatch(/^[\w-]+$/);
    expect(ticket.length).toBeLessThan(1.1 * token.length + 300);
  });

  test('is opened by every secret that is in force, and by no other', () => {
    const ticket = sealOf().seal(CONTENT);
    expect(sealOf([NEXT, SECRET]).open(ticket)).toMatchObject(CONTENT);
    expect(sealOf([NEXT]).open(ticket)).toBeUndefined();
    expect(sealOf([SECRET], 'b').open(ticket)).toBeUndefined();
    expect(sealOf([NEXT, SECRET]).open(sealOf([NEXT]).seal(CONTENT))).toMatchObject(CONTENT);
  });

  test('has one spelling, and not one bit to change', () => {
    const seal = sealOf();
    const ticket = seal.seal(CONTENT);
    const bytes = Buffer.from(ticket, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(seal.open(changed.toString('base64url'))).toBeUndefined();
    }
    for (let length = 0; length < ticket.length; length += 1)
      expect(seal.open(ticket.slice(0, length))).toBeUndefined();
    const spellings = [`${ticket}=`, `${ticket} `, ` ${ticket}`, `${ticket}\n`, `${ticket}A`, `${ticket}AAA`];
    const standard = bytes.toString('base64');
    for (const spelling of [...spellings, ...(standard === ticket ? [] : [standard])])
      expect(seal.open(spelling)).toBeUndefined();
    expect(seal.open(ticket)).toMatchObject(CONTENT);
  });

  test('is not opened if its content is longer than that of any ticket, however well it is compressed', () => {
    const seal = sealOf();
    const ticket = seal.seal({ ...CONTENT, token: 'a'.repeat(2 ** 20) });
    expect(ticket.length).toBeLessThan(4096);
    expect(() => seal.open(ticket)).toThrow('1048576');
  });

  test('any other text is none', () => {
    const seal = sealOf();
    fc.assert(fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => seal.open(text) === undefined));
  });

  test('a source without secrets is an error', () => {
    expect(() => sealOf([]).seal(CONTENT)).toThrow('returns no secret');
    expect(sealOf([]).open(sealOf().seal(CONTENT))).toBeUndefined();
  });
});
