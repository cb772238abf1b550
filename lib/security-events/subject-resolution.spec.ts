import { describe, expect, test } from '@jest/globals';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import type { SubjectResolver } from './security-events-options.js';
import { resolveEntries } from './subject-resolution.js';

const A = 'https://a.test';
const B = 'https://b.test';
const NOW = 1_800_000_000;
const FORM =
  'The entry of a deny-list must be one of { issuer, jti }, { issuer, sid }, { issuer, sub, issuedBefore? }, { issuer, clientId, issuedBefore? } and { jkt, issuedBefore? }';
const event = { transmitter: A, type: 'urn:event', issuedBefore: NOW };
const resolve = (resolveSubject: SubjectResolver | undefined) =>
  resolveEntries({ format: 'email' }, event, { resolveSubject, subjectIssuers: [A, B], nowSeconds: NOW });

describe('what resolveSubject says (B9)', () => {
  test('has the time of the event where tokens that are issued later are to pass', async () => {
    const entries = [
      { issuer: A, sub: 'x' },
      { issuer: A, clientId: 'x' },
      { jkt: 'x' },
      { issuer: A, sub: 'x', issuedBefore: 5 },
      { issuer: A, sid: 'x' },
      { issuer: A, jti: 'x' },
    ];
    const resolved = await resolve(() => entries);
    expect(resolved).toEqual([
      { issuer: A, sub: 'x', issuedBefore: NOW },
      { issuer: A, clientId: 'x', issuedBefore: NOW },
      { jkt: 'x', issuedBefore: NOW },
      { issuer: A, sub: 'x', issuedBefore: 5 },
      { issuer: A, sid: 'x' },
      { issuer: A, jti: 'x' },
    ]);
  });

  test.each<[string, unknown, string]>([
    ['null', null, 'must return an array of entries, or undefined'],
    ['an entry without a list', { jkt: 'x' }, 'must return an array of entries, or undefined'],
    ['a list with no object', [{ jkt: 'x' }, 'x'], 'returned an entry that is not an object'],
    [
      'an entry of another issuer',
      [{ issuer: 'https://c.test', sub: 'x' }],
      'returned an entry of an issuer that is not among subjectIssuers: https://a.test, https://b.test',
    ],
    [
      'an entry of no text',
      [{ issuer: 1, sub: 'x' }],
      'returned an entry of an issuer that is not among subjectIssuers: https://a.test, https://b.test',
    ],
    ['an entry of no kind', [{ issuer: A }], `returned an entry that no deny-list takes: ${FORM}`],
    [
      'an entry of two kinds',
      [{ issuer: A, sub: 'x', sid: 'y' }],
      `returned an entry that no deny-list takes: ${FORM}`,
    ],
    [
      'a session with a time',
      [{ issuer: A, sid: 'x', issuedBefore: 1 }],
      `returned an entry that no deny-list takes: ${FORM}; beside sid it has issuedBefore`,
    ],
    [
      'milliseconds',
      [{ issuer: A, sub: 'x', issuedBefore: 1000 * NOW }],
      'returned an entry that no deny-list takes: issuedBefore of the entry of a deny-list must be in seconds since the Unix epoch, like iat, and at most 600 seconds in the future',
    ],
    [
      'an entry with a member of the subject',
      [{ issuer: A, sub: 'x', secret: 1 }],
      'returned an entry with another member than jti, sid, sub, clientId, jkt, issuer, issuedBefore',
    ],
  ])('cannot be told if resolveSubject answers %s: 503', async (_what, answer, advice) => {
    const finding = resolve(() => answer as never);
    await expect(finding).rejects.toBeInstanceOf(DpopUnavailableError);
    await expect(finding).rejects.toMatchObject({
      reason: 'internal_failure',
      advice: `resolveSubject ${advice}`,
    });
  });

  test('may have members that are undefined', async () => {
    const entry = { issuer: A, jti: 'x', sub: undefined, other: undefined } as never;
    expect(await resolve(() => [entry])).toEqual([{ issuer: A, jti: 'x' }]);
  });

  test('is nothing without a resolver, or if that says nothing', async () => {
    expect(await resolve(undefined)).toBeUndefined();
    expect(await resolve(() => undefined)).toBeUndefined();
    expect(await resolve(() => [])).toStrictEqual([]);
  });

  test('cannot be told if resolveSubject fails: 503, with the cause', async () => {
    const cause = new Error('quoted');
    const failure = { reason: 'internal_failure', advice: 'resolveSubject failed', cause };
    const throwing = (): never => {
      throw cause;
    };
    await expect(resolve(throwing)).rejects.toMatchObject(failure);
    const rejecting = () => Promise.reject(cause);
    await expect(resolve(rejecting)).rejects.toMatchObject(failure);
  });
});
