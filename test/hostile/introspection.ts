import { AUDIENCE, ISSUER, now } from './baseline.js';
import { type Change, tokenClaims } from './changes.js';
import { badToken, type Row, rows, unavailable } from './row.js';

const seconds = Math.floor(now());

/** The issuer answers with the claims of the token, so that a change of a claim is one of the response. */
const responseRows = (expect: Row['expect'], changes: Readonly<Record<string, Change>>): readonly Row[] =>
  rows(changes, (what, change) => ({
    id: 'B7',
    what: `introspection: ${what}`,
    on: 'introspection',
    change: [change],
    expect,
  }));

const inactive = responseRows(badToken('token_inactive'), {
  'active false': tokenClaims({ active: false }),
});

const foreign = [
  ...responseRows(badToken('token_issuer'), {
    'a foreign iss that the token does not show': tokenClaims({ response: { iss: `${ISSUER}/` } }),
    'an iss that is an array': tokenClaims({ response: { iss: [ISSUER] } }),
  }),
  ...responseRows(badToken('token_audience'), {
    'a foreign aud': tokenClaims({ aud: `${AUDIENCE}/` }),
    'no aud': tokenClaims({ aud: undefined }),
    'aud null': tokenClaims({ aud: null }),
    'aud an object': tokenClaims({ aud: { [AUDIENCE]: true } }),
  }),
];

const times = [
  ...responseRows(badToken('token_expired'), {
    'exp over, although active': tokenClaims({ exp: seconds - 11 }),
    'exp 0': tokenClaims({ exp: 0 }),
  }),
  ...responseRows(badToken('token_not_yet_valid'), {
    'nbf to come': tokenClaims({ nbf: seconds + 12 }),
    'iat to come': tokenClaims({ iat: seconds + 12 }),
  }),
];

const bindings = [
  ...responseRows(badToken('token_unbound'), {
    'no cnf': tokenClaims({ cnf: undefined }),
    'cnf null': tokenClaims({ cnf: null }),
    'cnf empty': tokenClaims({ cnf: {} }),
    'no cnf and no type': tokenClaims({ cnf: undefined, token_type: undefined }),
    'jkt beside cnf': tokenClaims({ cnf: undefined, token_type: undefined, jkt: 'A'.repeat(43) }),
  }),
  ...responseRows(badToken('token_type'), {
    'token_type Bearer': tokenClaims({ token_type: 'Bearer' }),
    'token_type empty': tokenClaims({ token_type: '' }),
    'token_type an array': tokenClaims({ token_type: ['DPoP'] }),
    'a cnf whose jkt is a number, with another type': tokenClaims({ cnf: { jkt: 1 }, token_type: 'Bearer' }),
  }),
  ...responseRows(badToken('key_binding'), {
    'the key of another client': tokenClaims({ cnf: { jkt: 'A'.repeat(43) } }),
  }),
];

/** The client is not at fault. Those of the second half begin a pause, and stand last. */
const untrusted = responseRows(unavailable, {
  'active "true"': tokenClaims({ active: 'true' }),
  'active 1': tokenClaims({ active: 1 }),
  'active null': tokenClaims({ active: null }),
  'active an object': tokenClaims({ active: {} }),
  'exp a string': tokenClaims({ exp: String(seconds + 60) }),
  'nbf null': tokenClaims({ nbf: null }),
  'no JSON': tokenClaims({ reply: { text: 'active' } }),
  'an array': tokenClaims({ reply: { text: '[{"active":true}]' } }),
  HTML: tokenClaims({ reply: { type: 'text/html' } }),
  'a signed type that was not asked for': tokenClaims({
    reply: { type: 'application/token-introspection+jwt' },
  }),
  'status 400': tokenClaims({ reply: { status: 400 } }),
  'status 401': tokenClaims({ reply: { status: 401 } }),
  'status 302': tokenClaims({ reply: { status: 302 } }),
  'status 500': tokenClaims({ reply: { status: 500 } }),
  'status 201': tokenClaims({ reply: { status: 201 } }),
  '2 MiB': tokenClaims({ reply: { bytes: 2 * 1024 ** 2 } }),
});

export const introspectionRows: readonly Row[] = [
  ...inactive,
  ...foreign,
  ...times,
  ...bindings,
  ...untrusted,
];
