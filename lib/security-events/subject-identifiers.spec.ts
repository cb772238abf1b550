import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../jws/json-object.js';
import type { RevocationEntry } from '../revocation/deny-list.js';
import { describePart, mapIdentifier, partsOf, type SubjectContext } from './subject-identifiers.js';

const A = 'https://a.test';
const B = 'https://b.test';
const issuedBefore = 1_800_000_000;
const TYPE = 'urn:event';
const context: SubjectContext = { type: TYPE, issuers: [A, B], meaning: 'subject', issuedBefore };
const ofSession: SubjectContext = { ...context, meaning: 'session' };

/** The entries of all parts that name tokens. */
function mapSubject(subject: JsonObject, of: SubjectContext): readonly RevocationEntry[] {
  return partsOf(subject, of).flatMap(({ place, identifiers }) =>
    identifiers.flatMap((identifier) => mapIdentifier(identifier, place, of) ?? []),
  );
}

const refusal = (reason: string) => expect.objectContaining({ name: 'SecurityEventError', reason });
const user = { format: 'iss_sub', iss: A, sub: 'user' };

describe('the subject of a security event (B9)', () => {
  test.each<[string, object, readonly object[], readonly object[]]>([
    [
      'an issuer and a subject',
      user,
      [{ issuer: A, sub: 'user', issuedBefore }],
      [{ issuer: A, sub: 'user', issuedBefore }],
    ],
    [
      'the same, as drafts had it',
      { subject_type: 'iss-sub', iss: B, sub: 'user' },
      [{ issuer: B, sub: 'user', issuedBefore }],
      [{ issuer: B, sub: 'user', issuedBefore }],
    ],
    [
      'an opaque identifier, of each issuer',
      { format: 'opaque', id: 'x' },
      [
        { issuer: A, sub: 'x', issuedBefore },
        { issuer: B, sub: 'x', issuedBefore },
      ],
      [
        { issuer: A, sid: 'x' },
        { issuer: A, sub: 'x', issuedBefore },
        { issuer: B, sid: 'x' },
        { issuer: B, sub: 'x', issuedBefore },
      ],
    ],
    ['a token', { format: 'jwt_id', iss: A, jti: 'x' }, [{ issuer: A, jti: 'x' }], [{ issuer: A, jti: 'x' }]],
    [
      'aliases, of which those of other issuers do not count',
      {
        format: 'aliases',
        identifiers: [
          user,
          { ...user, iss: 'https://x.test' },
          { format: 'email', email: 'a@b.test' },
          { format: 'jwt_id', iss: B, jti: 'y' },
        ],
      },
      [
        { issuer: A, sub: 'user', issuedBefore },
        { issuer: B, jti: 'y' },
      ],
      [
        { issuer: A, sub: 'user', issuedBefore },
        { issuer: B, jti: 'y' },
      ],
    ],
    [
      'a user with a session of an issuer',
      { format: 'complex', user, session: { format: 'iss_sub', iss: B, sub: 's' } },
      [{ issuer: A, sub: 'user', issuedBefore }],
      [
        { issuer: B, sid: 's' },
        { issuer: A, sub: 'user', issuedBefore },
      ],
    ],
    [
      'a session of any issuer, without a user',
      { format: 'complex', session: { format: 'opaque', id: 's' } },
      [],
      [
        { issuer: A, sid: 's' },
        { issuer: B, sid: 's' },
      ],
    ],
    ['a session in a form that names no token', { session: { format: 'email', email: 'x' } }, [], []],
    [
      'a user alone, without a format',
      { user },
      [{ issuer: A, sub: 'user', issuedBefore }],
      [{ issuer: A, sub: 'user', issuedBefore }],
    ],
    [
      'an opaque user of a complex subject, who is no session',
      { format: 'complex', user: { format: 'opaque', id: 'x' } },
      [
        { issuer: A, sub: 'x', issuedBefore },
        { issuer: B, sub: 'x', issuedBefore },
      ],
      [
        { issuer: A, sub: 'x', issuedBefore },
        { issuer: B, sub: 'x', issuedBefore },
      ],
    ],
    [
      'the aliases of a user',
      { user: { format: 'aliases', identifiers: [user] } },
      [{ issuer: A, sub: 'user', issuedBefore }],
      [{ issuer: A, sub: 'user', issuedBefore }],
    ],
    ['an email address, which only the app knows', { format: 'email', email: 'a@b.test' }, [], []],
    ['a complex subject of a device', { format: 'complex', device: { format: 'opaque', id: 'x' } }, [], []],
  ])('is mapped: %s', (_what, subject, entries, entriesOfSession) => {
    expect(mapSubject({ ...subject }, context)).toEqual(entries);
    expect(mapSubject({ ...subject }, ofSession)).toEqual(entriesOfSession);
  });

  const aliases = (count: number): object[] => Array.from({ length: count }, () => user);

  test.each<[string, object]>([
    ['without a format', {}],
    ['with a format that is no text', { format: 1 }],
    ['with a user that is no object, and no format', { user: 'x' }],
    ['with a session that is no object, and no format', { session: [] }],
    ['without an issuer', { format: 'iss_sub', sub: 'user' }],
    ['with an empty issuer', { format: 'iss_sub', iss: '', sub: 'user' }],
    ['with an issuer that is no text', { format: 'iss_sub', iss: 1, sub: 'user' }],
    ['without a subject', { format: 'iss_sub', iss: A }],
    ['with an empty subject', { format: 'iss_sub', iss: A, sub: '' }],
    ['with a subject that is no text', { format: 'iss_sub', iss: A, sub: 1 }],
    ['without an identifier', { format: 'opaque' }],
    ['without a jti', { format: 'jwt_id', iss: A }],
    ['with no aliases', { format: 'aliases', identifiers: [] }],
    ['with aliases that are no list', { format: 'aliases', identifiers: user }],
    ['with an alias that is no object', { format: 'aliases', identifiers: [user, 'x'] }],
    ['with 21 aliases', { format: 'aliases', identifiers: aliases(21) }],
    ['with a user that is no object', { format: 'complex', user: 'x' }],
    ['with a user that is null', { format: 'complex', user: null }],
    ['with an alias that is a list', { format: 'aliases', identifiers: [user, [user]] }],
    ['with a format that is no text, beside a user', { format: 7, user }],
    ['with a user without a format', { format: 'complex', user: {} }],
  ])('is refused %s', (_what, subject) => {
    expect(() => mapSubject({ ...subject }, context)).toThrow(refusal('subject'));
  });

  test.each<[string, object]>([
    ['that is no object', { format: 'complex', session: 'x' }],
    ['that is null', { format: 'complex', session: null }],
    ['that is a list', { format: 'complex', session: [] }],
    ['without an identifier', { format: 'complex', session: { format: 'opaque' } }],
    ['without an issuer', { format: 'complex', session: { format: 'iss_sub', sub: 's' } }],
    ['without a name', { format: 'complex', session: { format: 'iss_sub', iss: A } }],
  ])('is refused with a session %s, where sessions count', (_what, subject) => {
    expect(() => mapSubject({ ...subject }, ofSession)).toThrow(refusal('subject'));
    expect(mapSubject({ ...subject }, context)).toEqual([]);
  });

  test('has 20 aliases at most', () => {
    expect(mapSubject({ format: 'aliases', identifiers: aliases(20) }, context)).toHaveLength(20);
  });

  test('has aliases without aliases in them', () => {
    const identifiers = [{ format: 'aliases', identifiers: [user] }];
    expect(mapSubject({ format: 'aliases', identifiers }, context)).toEqual([]);
  });

  const FOREIGN = 'https://x.test';

  test.each<[string, object]>([
    ['a subject', { ...user, iss: FOREIGN }],
    ['a token', { format: 'jwt_id', iss: FOREIGN, jti: 'x' }],
    ['a user', { format: 'complex', user: { ...user, iss: FOREIGN } }],
    ['a session', { format: 'complex', session: { format: 'iss_sub', iss: FOREIGN, sub: 's' } }],
    ['all aliases', { format: 'aliases', identifiers: [{ ...user, iss: FOREIGN }] }],
  ])('of another issuer is refused: %s', (_what, subject) => {
    expect(() => mapSubject({ ...subject }, ofSession)).toThrow(refusal('foreign_subject'));
  });
});

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
    expect(partsOf({ format: 'complex', session }, context)).toEqual([]);
    expect(partsOf({ format: 'complex', device: session }, ofSession)).toEqual([]);
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
  ])('is named where it is malformed: %j', (subject, about) => {
    const map = () => mapSubject(subject, ofSession);
    if (about === '') return expect(map()).toEqual([]);
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
