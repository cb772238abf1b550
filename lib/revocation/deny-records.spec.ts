import { describe, expect, test } from '@jest/globals';
import type { RevocationEntry } from './deny-list.js';
import { createDenyRecord, type DenyRecord } from './deny-record.js';
import { covers, DenyRecords } from './deny-records.js';
import type { RevocableToken } from './revocation.checker.js';

const NOW = 1_800_000_000;
const LIFETIME = 3600;
const ENDS = LIFETIME + 1800;
const issuer = 'https://a.test';

const record = (entry: RevocationEntry, nowSeconds = NOW): DenyRecord =>
  createDenyRecord(entry, nowSeconds, LIFETIME);

/** A token that was issued so many seconds after the present. */
function token(claims: object, after = 0, members: Partial<RevocableToken> = {}): RevocableToken {
  const times = { iat: NOW + after, exp: NOW + after + 60 };
  return {
    claims: { ...times, ...claims },
    issuer,
    subject: undefined,
    clientId: undefined,
    jkt: undefined,
    ...members,
  };
}

describe('the records of a deny-list (B9)', () => {
  test('are found by kind, issuer and value, and say how many they are', () => {
    const records = new DenyRecords(LIFETIME);
    expect([records.size, records.has(token({ jti: 'x' }))]).toEqual([0, false]);
    const added = [
      record({ issuer, jti: 'x' }),
      record({ issuer: 'https://b.test', sid: 's' }),
      record({ jkt: 'k' }),
    ];
    for (const one of added) records.add(one);
    expect(records.size).toBe(3);
    expect([...records.values()]).toEqual(added);
    expect(records.get(added[0]?.key ?? '')).toBe(added[0]);
    expect(records.get('')).toBeUndefined();
    const ofB = { issuer: 'https://b.test' };
    expect(records.has(token({ jti: 'x' }))).toBe(true);
    expect(records.has(token({ jti: 'x' }, 0, ofB))).toBe(false);
    expect(records.has(token({ sid: 's' }))).toBe(false);
    expect(records.has(token({ sid: 's' }, 0, ofB))).toBe(true);
    expect(records.has(token({ sid: 's' }))).toBe(false);
    expect(records.has(token({ jti: 's' }, 0, ofB))).toBe(false);
    for (const by of [{}, ofB, { issuer: 'https://c.test' }]) {
      expect(records.has(token({}, 0, { ...by, jkt: 'k' }))).toBe(true);
      expect(records.has(token({ jti: 'k' }, 0, { ...by, subject: 'k', clientId: 'k' }))).toBe(false);
    }
  });

  test.each([undefined, null, '', 7, ['x']])('are about no token whose value is %j', (value) => {
    const records = new DenyRecords(LIFETIME);
    records.add(record({ issuer, jti: 'x' }));
    records.add(record({ issuer, jti: '7' }));
    expect(records.has(token({ jti: value, sid: value }))).toBe(false);
  });

  test('that share a tag are told apart, and the one that stays is found', () => {
    const records = new DenyRecords(LIFETIME);
    const first = record({ issuer, jti: 'x' });
    const sharing = { ...first, key: 'of another token', endsAtSeconds: NOW + 1 };
    records.add(sharing);
    expect(records.has(token({ jti: 'x' }))).toBe(false);
    records.add(first);
    records.prune(NOW + 1, true);
    expect(records.size).toBe(1);
    expect(records.has(token({ jti: 'x' }))).toBe(true);
  });

  test('of one key are one, which covers both', () => {
    const records = new DenyRecords(LIFETIME);
    records.add(record({ issuer, sub: 'x', issuedBefore: NOW - 10 }));
    records.add(record({ issuer, sub: 'x', issuedBefore: NOW - 20 }));
    expect(records.size).toBe(1);
    expect([...records.values()]).toMatchObject([{ issuedBefore: NOW - 10, endsAtSeconds: NOW - 10 + ENDS }]);
    records.add(record({ issuer, sub: 'x', issuedBefore: NOW }));
    expect(records.has(token({}, 0, { subject: 'x' }))).toBe(true);
    expect(records.has(token({}, 1, { subject: 'x' }))).toBe(false);
    records.prune(NOW + ENDS, true);
    expect([records.size, records.has(token({}, 0, { subject: 'x' }))]).toEqual([0, false]);
  });

  test('are dropped in the second in which they end, once a minute or when it is urgent', () => {
    const records = new DenyRecords(LIFETIME);
    records.prune(NOW);
    records.add(record({ issuer, jti: 'x' }));
    records.add(record({ issuer, jti: 'y' }, NOW + 30));
    records.prune(NOW + ENDS - 1);
    expect(records.size).toBe(2);
    records.prune(NOW + ENDS + 58);
    expect(records.size).toBe(2);
    records.prune(NOW + ENDS + 29, true);
    expect(records.size).toBe(1);
    expect(records.has(token({ jti: 'x' }))).toBe(false);
    expect(records.has(token({ jti: 'y' }))).toBe(true);
    records.prune(NOW + ENDS + 88);
    expect(records.size).toBe(1);
    records.prune(NOW + ENDS + 89);
    expect(records.size).toBe(0);
  });

  test('make room for another one when they have ended, or where its key is there', () => {
    const records = new DenyRecords(LIFETIME);
    const [first, second] = [record({ issuer, jti: 'x' }), record({ issuer, jti: 'y' })];
    expect(records.hasRoomFor(first, 1, NOW)).toBe(true);
    records.add(first);
    expect(records.hasRoomFor(first, 1, NOW)).toBe(true);
    expect(records.hasRoomFor(second, 1, NOW)).toBe(false);
    expect(records.hasRoomFor(second, 2, NOW)).toBe(true);
    expect(records.hasRoomFor(second, 1, NOW + ENDS - 1)).toBe(false);
    expect(records.hasRoomFor(second, 1, NOW + ENDS)).toBe(true);
    expect(records.size).toBe(0);
  });

  test.each<[string, RevocableToken, string]>([
    ['iss', token({}, 0, { issuer: undefined }), 'has no iss'],
    ['an iss that is not empty', token({}, 0, { issuer: '' }), 'has no iss'],
    ['iat', token({ iat: undefined }), 'has no iat'],
    ['an iat that is a time', token({ iat: '1' }), 'has no iat'],
    ['exp', token({ exp: undefined }), 'has no exp'],
    ['an exp that is a time', token({ exp: Infinity }), 'has no exp'],
  ])('cannot tell anything of a token without %s', (_what, odd, words) => {
    expect(() => new DenyRecords(LIFETIME).has(odd)).toThrow(
      expect.objectContaining({
        reason: 'revocation_undecidable',
        advice: `the access token ${words}, without which the deny-list cannot say that it is not revoked: let the issuer add it, or AccessTokenVerifier.verify return it`,
      }),
    );
  });

  test('cannot tell anything of a token that outlives them', () => {
    const records = new DenyRecords(LIFETIME);
    expect(records.has(token({ exp: NOW + LIFETIME }))).toBe(false);
    expect(() => records.has(token({ exp: NOW + LIFETIME + 1 }))).toThrow(
      expect.objectContaining({
        reason: 'revocation_undecidable',
        advice:
          'the access token lives for 3601 s, and the deny-list keeps its entries for maxTokenLifetimeSeconds, 3600 s: raise that, or shorten the lifetime at the issuer',
      }),
    );
  });
});

describe('a record covers another one (B9)', () => {
  const one = { key: 'x', tag: 1, issuedBefore: 10, endsAtSeconds: 20 };

  test('if it lasts as long and is about as many tokens', () => {
    expect(covers(one, one)).toBe(true);
    expect(covers(one, { ...one, issuedBefore: 9, endsAtSeconds: 19 })).toBe(true);
    expect(covers(one, { ...one, issuedBefore: 11 })).toBe(false);
    expect(covers(one, { ...one, endsAtSeconds: 21 })).toBe(false);
    expect(covers(undefined, one)).toBe(false);
  });
});
