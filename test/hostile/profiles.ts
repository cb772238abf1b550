import { AUDIENCE, MARKER } from './baseline.js';
import { type Change, tokenClaims, tokenCompact, tokenHeader, tokenSignedBy } from './changes.js';
import { KEYCLOAK, KEYCLOAK_ISSUER, OKTA_ISSUER, STRICT_ISSUER } from './configurations.js';
import { encode } from './draft.js';
import { issuers } from './keys.js';
import { badToken, type Row, rows } from './row.js';

const withoutOurs = { client_id: undefined, acr: undefined, auth_time: undefined };

const fromKeycloak: readonly Change[] = [
  tokenHeader({ typ: 'JWT' }),
  tokenClaims({
    ...withoutOurs,
    iss: KEYCLOAK_ISSUER,
    aud: [AUDIENCE, 'account'],
    typ: 'DPoP',
    azp: MARKER,
    realm_access: { roles: [MARKER] },
  }),
];
const fromOkta: readonly Change[] = [
  tokenHeader({ typ: undefined, alg: 'RS256' }),
  tokenClaims({
    ...withoutOurs,
    iss: OKTA_ISSUER,
    aud: 'api://default',
    cid: MARKER,
    scope: undefined,
    scp: [MARKER],
  }),
  tokenSignedBy(issuers.rsa),
];
const fromStrict: readonly Change[] = [tokenClaims({ iss: STRICT_ISSUER })];

const refusedFrom = (
  from: readonly Change[],
  reason: Parameters<typeof badToken>[0],
  changes: Readonly<Record<string, Change | readonly Change[]>>,
): readonly Row[] =>
  rows(changes, (what, change): Row => ({
    id: 'B6',
    what: `a token ${what}`,
    on: 'profiles',
    from,
    change: [change].flat(),
    expect: badToken(reason),
  }));

export const profileRows: readonly Row[] = [
  ...refusedFrom(fromKeycloak, 'token_audience', {
    'of Keycloak without an audience mapper': tokenClaims({ aud: 'account' }),
    'of Keycloak that is an ID token': tokenClaims({ typ: 'ID', aud: MARKER, nonce: MARKER }),
  }),
  ...refusedFrom(fromKeycloak, 'token_unbound', {
    'of Keycloak that is not bound': tokenClaims({ cnf: undefined, typ: 'Bearer' }),
    'of Keycloak that claims to be bound by its typ': tokenClaims({ cnf: undefined, token_type: 'DPoP' }),
  }),
  ...refusedFrom(fromKeycloak, 'token_issuer', {
    'of another realm': tokenClaims({ iss: `${KEYCLOAK}/realms/other` }),
    'of the realm at another host': tokenClaims({ iss: `https://${MARKER}.example/realms/main` }),
    'of Keycloak itself': tokenClaims({ iss: KEYCLOAK }),
  }),
  ...refusedFrom(fromKeycloak, 'token_type', {
    'of Keycloak without a type': tokenHeader({ typ: undefined }),
    'of Keycloak that is a logout token': tokenHeader({ typ: 'logout+jwt' }),
  }),
  ...refusedFrom(fromKeycloak, 'token_invalid', {
    'of Keycloak, signed by the key of Okta': [tokenHeader({ alg: 'RS256' }), tokenSignedBy(issuers.rsa)],
  }),
  ...refusedFrom(fromOkta, 'token_type', {
    "of Okta with the type of the organization's tokens": tokenHeader({
      typ: 'application/okta-internal-at+jwt',
    }),
  }),
  ...refusedFrom(fromOkta, 'token_issuer', {
    "of Okta's organization server": [
      tokenHeader({ typ: 'application/okta-internal-at+jwt' }),
      tokenClaims({ iss: new URL(OKTA_ISSUER).origin }),
    ],
    'of another server of Okta': tokenClaims({ iss: `${OKTA_ISSUER}2` }),
  }),
  ...refusedFrom(fromOkta, 'token_invalid', {
    'of Okta with ES256': [tokenHeader({ alg: 'ES256' }), tokenSignedBy(issuers.main)],
    'of Okta that is encrypted': tokenCompact(
      (_, payload, signature) =>
        `${encode(JSON.stringify({ alg: 'dir', enc: MARKER }))}..${payload}.${signature}.x`,
    ),
    'of Okta that is opaque': tokenCompact(() => MARKER),
  }),
  ...refusedFrom(fromOkta, 'token_unbound', {
    'of Okta that is not bound': tokenClaims({ cnf: undefined }),
  }),
  ...refusedFrom(
    fromStrict,
    'token_invalid',
    Object.fromEntries(
      ['sub', 'client_id', 'iat', 'jti', 'exp'].flatMap((claim) => [
        [`of RFC 9068 without ${claim}`, tokenClaims({ [claim]: undefined })],
        [`of RFC 9068 whose ${claim} is null`, tokenClaims({ [claim]: null })],
      ]),
    ),
  ),
  ...refusedFrom(fromStrict, 'token_type', {
    'of RFC 9068 with the type JWT': tokenHeader({ typ: 'JWT' }),
  }),
  // All three have the same key and the same audience, and Keycloak takes both types.
  ...refusedFrom(fromStrict, 'token_invalid', {
    'of Keycloak in the name of an issuer of RFC 9068': [
      ...fromKeycloak,
      tokenHeader({ typ: 'at+jwt' }),
      tokenClaims({ iss: STRICT_ISSUER }),
    ],
  }),
];
