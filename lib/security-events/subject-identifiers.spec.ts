import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../jws/json-object.js';
import type { RevocationEntry } from '../revocation/deny-list.js';
import { mapIdentifier, partsOf, type SubjectContext } from './subject-identifiers.js';

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
    ['with an alias that is null', { format: 'aliases', identifiers: [null, user] }],
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
    expect(mapSubject({ ...subject }, context)).toStrictEqual([]);
  });

  test('has 20 aliases at most', () => {
    expect(mapSubject({ format: 'aliases', identifiers: aliases(20) }, context)).toHaveLength(20);
  });

  test('has aliases without aliases in them', () => {
    const identifiers = [{ format: 'aliases', identifiers: [user] }];
    expect(mapSubject({ format: 'aliases', identifiers }, context)).toStrictEqual([]);
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
