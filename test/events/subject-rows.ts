import { ACCOUNT_DISABLED, CREDENTIAL_CHANGE, SESSION_REVOKED } from '../support/security-events.js';
import { type EventRow, MARK, rowsOf, withClaims } from './event-row.js';

const OTHER = `https://${MARK}.example`;
const ISSUER = 'https://issuer.test';
const ofOther = { format: 'iss_sub', iss: OTHER, sub: 'alice' };
const alice = { format: 'iss_sub', iss: ISSUER, sub: 'alice' };

const subject = (sub_id: unknown): EventRow['change'] => withClaims({ sub_id });
const complex = (parts: object): EventRow['change'] => subject({ format: 'complex', ...parts });
const aliases = (identifiers: unknown): EventRow['change'] => subject({ format: 'aliases', identifiers });
const event = (type: string, payload: object = {}): EventRow['change'] =>
  withClaims({ events: { [type]: payload } });

export const SUBJECT_ROWS: readonly EventRow[] = [
  ...rowsOf(400, 'invalid_request', 'subject_missing', {
    'no subject': subject(undefined),
    'a subject that is null': subject(null),
    'a subject as sub': withClaims({ sub_id: undefined, sub: 'alice' }),
  }),
  ...rowsOf(400, 'invalid_request', 'subject', {
    'a text as subject': subject(MARK),
    'a list as subject': subject([alice]),
    'a subject without a format': subject({ iss: ISSUER, sub: 'alice' }),
    'a format that is a list': subject({ ...alice, format: ['iss_sub'] }),
    'a subject without sub': subject({ ...alice, sub: undefined }),
    'an empty sub': subject({ ...alice, sub: '' }),
    'a sub that is a list': subject({ ...alice, sub: ['alice'] }),
    'a subject without iss': subject({ ...alice, iss: undefined }),
    'an iss that is a list': subject({ ...alice, iss: [ISSUER] }),
    'an empty id': subject({ format: 'opaque', id: '' }),
    'an id that is an object': subject({ format: 'opaque', id: { [MARK]: 1 } }),
    'no jti of a token': subject({ format: 'jwt_id', iss: ISSUER }),
    'no alias': aliases([]),
    'an object as aliases': aliases({ 0: alice, length: 1 }),
    '21 aliases': aliases(Array.from({ length: 21 }, () => alice)),
    'an alias that is a text': aliases([alice, MARK]),
    'an alias that is null': aliases([null, alice]),
    'a malformed alias behind a good one': aliases([alice, { format: 'opaque' }]),
    'a text as user': complex({ user: MARK }),
    'a user that is null': complex({ user: null }),
    'a user without a format': complex({ user: { [MARK]: 1 } }),
    'a list as session': complex({ session: [{ format: 'opaque', id: 's' }] }),
    'a malformed session beside a good user': complex({ user: alice, session: { format: 'opaque', id: 1 } }),
    'a malformed user beside a good session': complex({
      user: { format: 'opaque' },
      session: { format: 'opaque', id: 's' },
    }),
    'a malformed subject of a second event': withClaims({
      sub_id: undefined,
      events: { [SESSION_REVOKED]: { subject: alice }, [ACCOUNT_DISABLED]: { subject: MARK } },
    }),
  }),
  ...rowsOf(400, 'access_denied', 'foreign_subject', {
    'a subject of another issuer': subject(ofOther),
    'a subject of the issuer with a slash': subject({ ...alice, iss: `${ISSUER}/` }),
    'a subject of the issuer in capitals': subject({ ...alice, iss: ISSUER.toUpperCase() }),
    'a token of another issuer': subject({ format: 'jwt_id', iss: OTHER, jti: 'x' }),
    'aliases of other issuers': aliases([ofOther, { ...ofOther, iss: `${ISSUER}/` }]),
    'a user of another issuer': complex({ user: ofOther }),
    'a user of another issuer beside a good session': complex({
      user: ofOther,
      session: { format: 'opaque', id: 's' },
    }),
    'a session of another issuer beside a good user': complex({ user: alice, session: ofOther }),
    'aliases of another issuer as user': complex({ user: { format: 'aliases', identifiers: [ofOther] } }),
    'a foreign subject in a second event': withClaims({
      sub_id: undefined,
      events: { [SESSION_REVOKED]: { subject: alice }, [ACCOUNT_DISABLED]: { subject: ofOther } },
    }),
  }),
];

/** Acknowledged, since the token is good, and without effect. */
export const VOID_ROWS: readonly EventRow[] = [
  ...rowsOf(202, undefined, 'names no token', {
    'a format __proto__': subject({ ...alice, format: '__proto__' }),
    'a format constructor': subject({ ...alice, format: 'constructor' }),
    'a format of capitals': subject({ ...alice, format: 'ISS_SUB' }),
    'a format with a blank': subject({ ...alice, format: 'iss_sub ' }),
    'a complex subject in a complex one': complex({ user: { format: 'complex', user: alice } }),
    'aliases in aliases': aliases([{ format: 'aliases', identifiers: [alice] }]),
    'an email address': subject({ format: 'email', email: `alice@${MARK}.example` }),
    'a user of no entry': complex({ user: { format: MARK, id: 'alice' } }),
  }),
  ...rowsOf(202, undefined, '1 event that revokes nothing', {
    'an event that is not known': event(`https://${MARK}.example/event`),
    'a known event with a slash': event(`${SESSION_REVOKED}/`),
    'a known event in capitals': event(SESSION_REVOKED.toUpperCase()),
    'a credential that was added': event(CREDENTIAL_CHANGE, { change_type: 'create' }),
  }),
];
