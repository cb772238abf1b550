import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../jws/json-object.js';
import { describePart, mapIdentifier, partsOf, type SubjectContext } from './subject-identifiers.js';

const A = 'https://a.test';
const B = 'https://b.test';
const TYPE = 'urn:event';
const issuedBefore = 1_800_000_000;
const context: SubjectContext = { type: TYPE, issuers: [A, B], meaning: 'subject', issuedBefore };
const ofSession: SubjectContext = { ...context, meaning: 'session' };
const user = { format: 'iss_sub', iss: A, sub: 'user' };

const mapSubject = (subject: JsonObject, of: SubjectContext): readonly object[] =>
  partsOf(subject, of).flatMap(({ place, identifiers }) =>
    identifiers.flatMap((identifier) => mapIdentifier(identifier, place, of) ?? []),
  );

describe('the parts of a subject (B9)', () => {
  const email = { format: 'email', email: 'a@b.test' };
  const session = { format: 'opaque', id: 's' };
  const whole = (subject: JsonObject) => [{ place: 'subject', identifiers: [subject], isAliases: false }];

  test('are the subject itself, where it is neither complex nor aliases', () => {
    expect(partsOf(email, context)).toEqual(whole(email));
    expect(mapIdentifier(email, 'subject', context)).toBeUndefined();
  });

  test('are the session and the user, of which a session counts only in its own events', () => {
    const ofUser = { place: 'user', identifiers: [email], isAliases: false };
    expect(partsOf({ user: email, session }, ofSession)).toEqual([
      { place: 'session', identifiers: [session], isAliases: false },
      ofUser,
    ]);
    expect(partsOf({ format: 'complex', user: email, session }, context)).toEqual([ofUser]);
    expect(partsOf({ format: 'complex', session }, context)).toStrictEqual([]);
    expect(partsOf({ format: 'complex', device: session }, ofSession)).toStrictEqual([]);
  });

  test('are the identifiers of aliases together, without those of other issuers', () => {
    const identifiers = [email, { ...user, iss: 'https://x.test' }, user];
    const own = { identifiers: [email, user], isAliases: true };
    expect(partsOf({ format: 'aliases', identifiers }, context)).toEqual([{ ...own, place: 'subject' }]);
    expect(partsOf({ user: { format: 'aliases', identifiers } }, context)).toEqual([
      { ...own, place: 'user' },
    ]);
  });

  test('of a session are names of sessions, or tokens', () => {
    const map = (identifier: JsonObject) => mapIdentifier(identifier, 'session', ofSession);
    expect(map(user)).toEqual([{ issuer: A, sid: 'user' }]);
    expect(map({ format: 'jwt_id', iss: A, jti: 'x' })).toEqual([{ issuer: A, jti: 'x' }]);
    expect(map(email)).toBeUndefined();
  });
});

describe('a subject in the log (B9, D9)', () => {
  const describeOne = (identifier: JsonObject) =>
    describePart({ place: 'subject', identifiers: [identifier], isAliases: false });
  const known = [
    'iss_sub',
    'opaque',
    'jwt_id',
    'aliases',
    'complex',
    'account',
    'did',
    'email',
    'phone_number',
  ];

  test.each([...known, 'uri', 'ip-addresses', 'saml_assertion_id'])('%s is a known format', (format) => {
    expect(describeOne({ format })).toBe(`subject format: ${format}`);
  });

  test('has the name of the registry where drafts had another, and none where it was made up', () => {
    expect(describeOne({ subject_type: 'iss-sub' })).toBe('subject format: iss_sub');
    expect(describeOne({ user: {} })).toBe('subject format: complex');
    expect(describeOne({ session: {} })).toBe('subject format: complex');
    expect(describeOne({ format: 'made up' })).toBe('subject format: not a known one');
    expect(describeOne({ user: 'x', session: 'x' })).toBe('subject format: not a known one');
  });

  test('has the formats of aliases, each once', () => {
    const identifiers = [{ format: 'email' }, { format: 'did' }, { format: 'email' }];
    expect(describePart({ place: 'user', identifiers, isAliases: true })).toBe(
      'user format: aliases (email, did)',
    );
  });

  test.each<[JsonObject, string]>([
    [{ format: 'opaque' }, 'subject format: opaque'],
    [{ format: 'x', user: 1 }, ''],
    [{}, 'subject format: not a known one'],
    [{ format: 'complex', user: 'x' }, 'user format: not a known one'],
    [{ user: { format: 'iss_sub', iss: A } }, 'user format: iss_sub'],
    [{ user: { format: 'aliases' } }, 'user format: aliases'],
    [{ session: { format: 'iss_sub' } }, 'session format: iss_sub'],
    [{ format: 'complex', session: 'x' }, 'session format: not a known one'],
  ])('is named where it is malformed: %j', (subject, about) => {
    const map = () => mapSubject(subject, ofSession);
    if (about === '') return expect(map()).toStrictEqual([]);
    return expect(map).toThrow(
      expect.objectContaining({ reason: 'subject', details: { about: `${TYPE}; ${about}` } }),
    );
  });

  test.each<[JsonObject, string]>([
    [{ ...user, iss: 'https://x.test' }, 'subject format: iss_sub'],
    [{ user: { format: 'aliases', identifiers: [{ iss: 'https://x.test' }] } }, 'user format: aliases'],
  ])('is named where it is foreign, with what was expected: %j', (subject, about) => {
    const details = {
      about: `${TYPE}; ${about}`,
      expected: [A, B],
      advice: 'subjectIssuers of the transmitter says whose tokens it may revoke',
    };
    expect(() => mapSubject(subject, ofSession)).toThrow(
      expect.objectContaining({ reason: 'foreign_subject', details }),
    );
  });
});
