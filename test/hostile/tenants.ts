import { AUDIENCE, MARKER } from './baseline.js';
import { type Change, field, tokenClaims, tokenHeader, tokenSignedBy } from './changes.js';
import { BROKEN_ISSUER, SECOND_AUDIENCE, SECOND_ISSUER, TENANT_FIELD } from './configurations.js';
import { issuers } from './keys.js';
import { badToken, type Row, rows, unavailable } from './row.js';

const toSecondTenant = field(TENANT_FIELD, 'second');

/** A good token of the second tenant. */
const ofSecondTenant: readonly Change[] = [
  toSecondTenant,
  tokenHeader({ typ: 'JWT' }),
  tokenClaims({ iss: SECOND_ISSUER, aud: SECOND_AUDIENCE }),
  tokenSignedBy(issuers.second),
];

const refusedIn = (
  from: readonly Change[],
  reason: Parameters<typeof badToken>[0],
  changes: Readonly<Record<string, Change | readonly Change[]>>,
): readonly Row[] =>
  rows(changes, (what, change): Row => ({
    id: 'B10',
    what,
    on: 'tenants',
    ...(from.length > 0 && { from }),
    change: [change].flat(),
    expect: badToken(reason),
  }));

/** The names that an attacker may try: none is looked up anywhere but in the list of the app. */
const MADE_UP = {
  'a host of the attacker': `https://${MARKER}.example`,
  'a loopback address': 'http://127.0.0.1:1',
  'the metadata address of a cloud': 'http://169.254.169.254/latest',
  'a file': 'file:///etc/passwd',
  'a name of the prototype': '__proto__',
  'a method of every object': 'constructor',
  'the name with a slash behind it': `${SECOND_ISSUER}/`,
  'the name in capitals': SECOND_ISSUER.toUpperCase(),
  'the name of tenant and issuer in one': `second ${SECOND_ISSUER}`,
  'a name of 2,000 characters': `https://a.example/${MARKER}`.padEnd(2000, 'x'),
  'nothing but a space': ' ',
  'an empty name': '',
};

export const tenantRows: readonly Row[] = [
  ...refusedIn([], 'token_issuer', {
    'a token of the first tenant, sent to the second': toSecondTenant,
    'a token of the first tenant, sent to one that is not known': field(TENANT_FIELD, MARKER),
    'a token of the first tenant, sent to a tenant without a name': field(TENANT_FIELD, ''),
    'a token of the second issuer, sent to the first tenant': ofSecondTenant.slice(1),
  }),
  ...refusedIn([], 'token_issuer', rowsOfNames()),
  ...refusedIn(ofSecondTenant, 'token_issuer', {
    'a token of the second tenant, sent to the first': field(TENANT_FIELD, 'first'),
  }),
  ...refusedIn(ofSecondTenant, 'token_invalid', {
    'a token of the second tenant, signed by the key of the first': tokenSignedBy(issuers.main),
  }),
  ...refusedIn(ofSecondTenant, 'token_audience', {
    'a token of the second tenant for the audience of the first': tokenClaims({ aud: AUDIENCE }),
  }),
  ...refusedIn(ofSecondTenant, 'token_type', {
    'a token of the second tenant with the typ of the first': tokenHeader({ typ: 'at+jwt' }),
  }),
  ...refusedIn([], 'token_invalid', {
    'a token without an issuer where tenants have issuers': tokenClaims({ iss: undefined }),
    'a token whose issuer is a list': tokenClaims({ iss: [SECOND_ISSUER] }),
    'a token whose issuer is an object': tokenClaims({ iss: { toString: MARKER } }),
  }),
  {
    id: 'B10',
    what: 'a token whose issuer the app cannot look up',
    on: 'tenants',
    change: [tokenClaims({ iss: BROKEN_ISSUER })],
    expect: unavailable,
  },
];

function rowsOfNames(): Readonly<Record<string, Change>> {
  const names = Object.entries(MADE_UP);
  return Object.fromEntries(names.map(([what, iss]) => [`an issuer that is ${what}`, tokenClaims({ iss })]));
}
