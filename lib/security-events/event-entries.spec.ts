import { describe, expect, test } from '@jest/globals';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { entriesOf, type EventEntries, type RevokingEvent } from './event-entries.js';
import { parseSecurityEventToken } from './security-event-token.js';
import type { SubjectResolver } from './security-events-options.js';
import { Transmitter } from './transmitter.js';

const A = 'https://a.test';
const B = 'https://b.test';
const NOW = 1_800_000_000;
const TYPE = 'urn:event';
const subject = { format: 'iss_sub', iss: B, sub: 'user' };

interface Parts {
  readonly sub_id?: unknown;
  readonly payload?: object;
  readonly resolveSubject?: SubjectResolver;
  readonly subjectIssuers?: readonly string[];
}

function find({
  payload = {},
  resolveSubject,
  subjectIssuers = [A, B],
  ...claims
}: Parts): Promise<EventEntries> {
  const transmitter = new Transmitter(
    { issuer: A, audience: 'x', subjectIssuers, ...(resolveSubject && { resolveSubject }) },
    () => 1000 * NOW,
  );
  const token = parseSecurityEventToken(
    { aud: 'x', jti: 'x', iat: NOW, events: { [TYPE]: payload }, ...claims },
    { audiences: ['x'], toleranceSeconds: 10, nowSeconds: NOW },
  );
  const event: RevokingEvent = { type: TYPE, meaning: 'subject', payload: { ...payload } };
  return entriesOf(event, token, transmitter);
}

describe('what an event revokes (B9)', () => {
  const ofUser = [{ issuer: B, sub: 'user', issuedBefore: NOW }];

  test('is its subject, which stands beside the events or in the event', async () => {
    const found = { subject, entries: ofUser, isResolved: false };
    expect(await find({ sub_id: subject })).toEqual(found);
    expect(await find({ payload: { subject } })).toEqual(found);
    const other = { ...subject, sub: 'other' };
    expect(await find({ sub_id: subject, payload: { subject: other } })).toEqual(found);
  });

  test.each([undefined, 'x', ['x'], null])('is nothing without a subject: %j', async (wrong) => {
    const refusal = { name: 'SecurityEventError', reason: 'subject' };
    await expect(find({ sub_id: wrong })).rejects.toMatchObject(refusal);
    await expect(find({ payload: { subject: wrong } })).rejects.toMatchObject(refusal);
  });

  test('is of the issuers that the transmitter may revoke', async () => {
    await expect(find({ sub_id: subject, subjectIssuers: [A] })).rejects.toMatchObject({
      reason: 'foreign_subject',
    });
  });

  test('is what resolveSubject says, who is told the event', async () => {
    const asked: unknown[] = [];
    const resolveSubject: SubjectResolver = (...values) => {
      asked.push(values);
      return [{ issuer: B, jti: 'x' }];
    };
    const payload = { event_timestamp: NOW - 60 };
    expect(await find({ sub_id: subject, payload, resolveSubject })).toEqual({
      subject,
      entries: [{ issuer: B, jti: 'x' }],
      isResolved: true,
    });
    expect(asked).toEqual([[subject, { transmitter: A, type: TYPE, issuedBefore: NOW - 60 }]]);
  });

  test('is its subject where resolveSubject knows nothing, and nothing where that says so', async () => {
    expect(await find({ sub_id: subject, resolveSubject: () => undefined })).toMatchObject({
      entries: ofUser,
      isResolved: false,
    });
    expect(await find({ sub_id: subject, resolveSubject: () => Promise.resolve([]) })).toEqual({
      subject,
      entries: [],
      isResolved: true,
    });
  });

  test('has the time of the event where tokens that are issued later are to pass', async () => {
    const entries = [
      { issuer: A, sub: 'x' },
      { issuer: A, clientId: 'x' },
      { jkt: 'x' },
      { issuer: A, sub: 'x', issuedBefore: 5 },
      { issuer: A, sid: 'x' },
      { issuer: A, jti: 'x' },
    ];
    const resolved = await find({ sub_id: subject, resolveSubject: () => entries });
    expect(resolved.entries).toEqual([
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
      'returned an entry of an issuer that is not among subjectIssuers',
    ],
    [
      'an entry of no text',
      [{ issuer: 1, sub: 'x' }],
      'returned an entry of an issuer that is not among subjectIssuers',
    ],
  ])('cannot be told if resolveSubject answers %s: 503', async (_what, answer, advice) => {
    const finding = find({ sub_id: subject, resolveSubject: () => answer as never });
    await expect(finding).rejects.toBeInstanceOf(DpopUnavailableError);
    await expect(finding).rejects.toMatchObject({
      reason: 'internal_failure',
      advice: `resolveSubject ${advice}`,
    });
  });

  test('cannot be told if resolveSubject fails: 503, with the cause', async () => {
    const cause = new Error('quoted');
    const failure = { reason: 'internal_failure', advice: 'resolveSubject failed', cause };
    const throwing = (): never => {
      throw cause;
    };
    await expect(find({ sub_id: subject, resolveSubject: throwing })).rejects.toMatchObject(failure);
    const rejecting = () => Promise.reject(cause);
    await expect(find({ sub_id: subject, resolveSubject: rejecting })).rejects.toMatchObject(failure);
  });
});
