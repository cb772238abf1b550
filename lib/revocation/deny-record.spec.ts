import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { RevocationEntry } from './deny-list.js';
import {
  createDenyRecord,
  type DenyRecord,
  type Kind,
  keyOf,
  KINDS,
  tagOf,
  tagOfIssuer,
} from './deny-record.js';

const NOW = 1_800_000_000;
const LIFETIME = 3600;
const MARGIN = 1800;
const issuer = 'https://a.test';
const FORMS =
  'one of { issuer, jti }, { issuer, sid }, { issuer, sub, issuedBefore? }, { issuer, clientId, issuedBefore? } and { jkt, issuedBefore? }';

const create = (entry: unknown): DenyRecord => createDenyRecord(entry as RevocationEntry, NOW, LIFETIME);
const sha256 = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('base64url');

/** 30 bits of FNV-1a over issuer, kind and value, told in another way than the library tells it. */
function tagFor(kind: Kind, of: string, value: string): number {
  const steps = [...units(of), KINDS.indexOf(kind), ...units(value)];
  const tag = steps.reduce(
    (hash, unit) => ((hash ^ BigInt(unit)) * 16_777_619n) & 0xffff_ffffn,
    2_166_136_261n,
  );
  return Number(tag & 0x3fff_ffffn);
}

const units = (text: string): number[] => Array.from(text, (unit) => unit.charCodeAt(0));

describe('the record of an entry (B9)', () => {
  test.each<[Kind, object, number, number]>([
    ['jti', { issuer, jti: 'x' }, Infinity, NOW],
    ['sid', { issuer, sid: 'x' }, Infinity, NOW],
    ['sub', { issuer, sub: 'x' }, NOW, NOW],
    ['sub', { issuer, sub: 'x', issuedBefore: NOW - 60 }, NOW - 60, NOW - 60],
    ['clientId', { issuer, clientId: 'x', issuedBefore: NOW + 600 }, NOW + 600, NOW + 600],
    ['clientId', { issuer, clientId: 'x', issuedBefore: undefined }, NOW, NOW],
    ['clientId', { issuer, clientId: 'x', issuedBefore: 0 }, 0, 0],
  ])('by %s: %j', (kind, entry, issuedBefore, lastIssue) => {
    expect(create(entry)).toEqual({
      key: sha256([kind, issuer, 'x']),
      tag: tagFor(kind, issuer, 'x'),
      issuedBefore,
      endsAtSeconds: lastIssue + LIFETIME + MARGIN,
    });
  });

  test('by jkt has no issuer', () => {
    expect(create({ jkt: 'x', issuedBefore: 0.25 })).toEqual({
      key: sha256(['jkt', '', 'x']),
      tag: tagFor('jkt', '', 'x'),
      issuedBefore: 0.25,
      endsAtSeconds: 1 + LIFETIME + MARGIN,
    });
  });

  test.each<[unknown, string]>([
    [null, `The entry of a deny-list must be ${FORMS}; it is null`],
    ['x', `The entry of a deny-list must be ${FORMS}; it is a string`],
    [{}, `The entry of a deny-list must be ${FORMS}`],
    [{ issuer }, `The entry of a deny-list must be ${FORMS}`],
    [{ issuer, jti: 'x', sub: 'x' }, `The entry of a deny-list must be ${FORMS}`],
    [
      { issuer, jti: 'x', issuedBefore: 1 },
      `The entry of a deny-list must be ${FORMS}; beside jti it has issuedBefore`,
    ],
    [
      { issuer, sid: 'x', issuedBefore: 1 },
      `The entry of a deny-list must be ${FORMS}; beside sid it has issuedBefore`,
    ],
    [
      { issuer, sub: 'x', issuedbefore: 1 },
      `The entry of a deny-list must be ${FORMS}; beside sub it has issuedbefore`,
    ],
    [{ jkt: 'x', issuer }, `The entry of a deny-list must be ${FORMS}; beside jkt it has issuer`],
    [{ issuer, jti: '' }, 'jti of the entry of a deny-list must be a string that is not empty'],
    [{ issuer, sub: 7 }, 'sub of the entry of a deny-list must be a string that is not empty'],
    [{ sub: 'x' }, 'issuer of the entry of a deny-list must be a string that is not empty'],
    [{ sid: 'x', issuer: '' }, 'issuer of the entry of a deny-list must be a string that is not empty'],
    [{ clientId: 'x', issuer: 7 }, 'issuer of the entry of a deny-list must be a string that is not empty'],
    ...[NOW + 600.5, 1000 * NOW, -1, Infinity, Number.NaN, '1', null].map(
      (issuedBefore): [unknown, string] => [
        { jkt: 'x', issuedBefore },
        'issuedBefore of the entry of a deny-list must be in seconds since the Unix epoch, like iat, and at most 600 seconds in the future',
      ],
    ),
  ])('is none of %j', (entry, message) => {
    expect(() => create(entry)).toThrow(new TypeError(message));
  });

  test('is of one form, which the types tell, too', () => {
    const entries: readonly RevocationEntry[] = [
      // @ts-expect-error two names
      { issuer, sub: 'x', sid: 'y' },
      // @ts-expect-error a session has no time
      { issuer, sid: 'x', issuedBefore: 1 },
      // @ts-expect-error nor has a token
      { issuer, jti: 'x', issuedBefore: 1 },
      // @ts-expect-error a key is of any issuer
      { issuer, jkt: 'x' },
      // @ts-expect-error a name without its issuer
      { sub: 'x' },
    ];
    for (const entry of entries) expect(() => create(entry)).toThrow(TypeError);
  });

  test('does not count what is undefined', () => {
    expect(create({ issuer, jti: 'x', sub: undefined, other: undefined }).key).toBe(
      sha256(['jti', issuer, 'x']),
    );
  });
});

describe('the key and the tag of an entry (B9)', () => {
  test('are told by kind, issuer and value', () => {
    expect(KINDS).toEqual(['jti', 'sid', 'sub', 'clientId', 'jkt']);
    expect(keyOf('sub', 'a","b', 'c')).not.toBe(keyOf('sub', 'a', 'b","c'));
    const tags = KINDS.flatMap((kind) =>
      ['', 'a', 'b', 'ab', 'ba'].flatMap((of) =>
        ['a', 'b', 'ab', 'ba'].map((value) => tagOf(kind, tagOfIssuer(of), value)),
      ),
    );
    expect(new Set(tags).size).toBe(tags.length);
    expect(tags.every((tag) => Number.isInteger(tag) && tag >= 0 && tag < 2 ** 30)).toBe(true);
  });
});
