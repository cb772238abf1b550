import { describe, expect, test } from '@jest/globals';
import { entriesOf, type EventEntries, type RevokingEvent } from './event-entries.js';
import { parseSecurityEventToken } from './security-event-token.js';
import type { SubjectResolver } from './security-events-options.js';

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
  readonly meaning?: RevokingEvent['meaning'];
}

function find({
  payload = {},
  resolveSubject,
  subjectIssuers = [A, B],
  meaning = 'subject',
  ...claims
}: Parts): Promise<EventEntries> {
  const token = parseSecurityEventToken(
    { aud: 'x', jti: 'x', iat: NOW, events: { [TYPE]: payload }, ...claims },
    { audiences: ['x'], toleranceSeconds: 10, nowSeconds: NOW },
  );
  const event: RevokingEvent = { type: TYPE, meaning, payload: { ...payload } };
  return entriesOf(event, token, { issuer: A, subjectIssuers, resolveSubject, nowSeconds: NOW });
}

describe('what an event revokes (B9)', () => {
  const ofUser = [{ issuer: B, sub: 'user', issuedBefore: NOW }];

  test('is its subject, which stands beside the events or in the event', async () => {
    const found = { entries: ofUser, unresolved: [] };
    expect(await find({ sub_id: subject })).toEqual(found);
    expect(await find({ payload: { subject } })).toEqual(found);
    const other = { ...subject, sub: 'other' };
    expect(await find({ sub_id: subject, payload: { subject: other } })).toEqual(found);
  });

  test.each([undefined, 'x', ['x'], null])('is nothing without a subject: %j', async (wrong) => {
    const reason = wrong === undefined ? 'subject_missing' : 'subject';
    const refusal = { name: 'SecurityEventError', reason, details: { about: TYPE } };
    if (wrong !== null) await expect(find({ sub_id: wrong })).rejects.toMatchObject(refusal);
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
      entries: [{ issuer: B, jti: 'x' }],
      unresolved: [],
    });
    expect(asked).toEqual([[subject, { transmitter: A, type: TYPE, issuedBefore: NOW - 60 }]]);
  });

  test('is its subject where resolveSubject knows nothing, and nothing where that says so', async () => {
    expect(await find({ sub_id: subject, resolveSubject: () => undefined })).toEqual({
      entries: ofUser,
      unresolved: [],
    });
    expect(await find({ sub_id: subject, resolveSubject: () => Promise.resolve([]) })).toEqual({
      entries: [],
      unresolved: [],
    });
  });

  const email = { format: 'email', email: 'x' };
  const phone = { format: 'phone_number', phone_number: 'x' };
  const session = { format: 'opaque', id: 's' };

  /** Answers for email addresses, and keeps what it is asked. */
  function resolver(): { asked: unknown[]; resolveSubject: SubjectResolver } {
    const asked: unknown[] = [];
    const resolveSubject: SubjectResolver = (given, { part, ...event }) => {
      expect(event).toEqual({ transmitter: A, type: TYPE, issuedBefore: NOW });
      asked.push([given, part]);
      return given['format'] === 'email' ? [{ issuer: A, jti: 'of email' }] : undefined;
    };
    return { asked, resolveSubject };
  }

  const ofEmail = { issuer: A, jti: 'of email' };

  test('is asked of resolveSubject as a whole, then by user and alias, and last by session', async () => {
    const { asked, resolveSubject } = resolver();
    const whole = { user: { format: 'aliases', identifiers: [subject, email] }, session };
    expect(await find({ sub_id: whole, meaning: 'session', resolveSubject })).toEqual({
      entries: [{ issuer: A, sid: 's' }, { issuer: B, sid: 's' }, ...ofUser, ofEmail],
      unresolved: [],
    });
    expect(asked).toEqual([
      [whole, undefined],
      [subject, 'identifiers'],
      [email, 'identifiers'],
    ]);
  });

  test('is what resolveSubject says of a user and of an alias, before the table, and of a session behind it', async () => {
    const resolveSubject: SubjectResolver = (given) =>
      given['format'] === 'complex' || given['format'] === 'aliases' ? undefined : [ofEmail];
    const complex = { format: 'complex', user: subject, session };
    expect(await find({ sub_id: complex, meaning: 'session', resolveSubject })).toEqual({
      entries: [{ issuer: A, sid: 's' }, { issuer: B, sid: 's' }, ofEmail],
      unresolved: [],
    });
    const aliases = { format: 'aliases', identifiers: [subject, phone] };
    expect((await find({ sub_id: aliases, resolveSubject })).entries).toEqual([ofEmail, ofEmail]);
    const parts: unknown[] = [];
    const telling: SubjectResolver = (_given, { part }) => void parts.push(part);
    await find({ sub_id: { session: phone, user: phone }, meaning: 'session', resolveSubject: telling });
    expect(parts).toEqual([undefined, 'session', 'user']);
  });

  test('lacks the parts that nobody knows', async () => {
    const { asked, resolveSubject } = resolver();
    expect(await find({ sub_id: phone, resolveSubject })).toEqual({
      entries: [],
      unresolved: ['subject format: phone_number'],
    });
    expect(asked).toHaveLength(1);
    expect(await find({ sub_id: { user: phone, session }, meaning: 'session' })).toEqual({
      entries: [
        { issuer: A, sid: 's' },
        { issuer: B, sid: 's' },
      ],
      unresolved: ['user format: phone_number'],
    });
    expect(await find({ sub_id: { format: 'complex', session } })).toEqual({
      entries: [],
      unresolved: ['subject format: complex, without user'],
    });
    expect(await find({ sub_id: { format: 'complex' }, meaning: 'session' })).toEqual({
      entries: [],
      unresolved: ['subject format: complex, without user and session'],
    });
  });

  test('lacks nothing where one alias is known, or the app knows that there are no tokens', async () => {
    const identifiers = [phone, subject];
    expect(await find({ sub_id: { format: 'aliases', identifiers } })).toEqual({
      entries: ofUser,
      unresolved: [],
    });
    const none: SubjectResolver = (_given, { part }) => (part === undefined ? undefined : []);
    expect(await find({ sub_id: { user: phone }, resolveSubject: none })).toEqual({
      entries: [],
      unresolved: [],
    });
    expect(await find({ sub_id: { format: 'aliases', identifiers: [phone] } })).toEqual({
      entries: [],
      unresolved: ['subject format: aliases (phone_number)'],
    });
  });
});
