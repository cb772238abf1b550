import { createPublicKey, type KeyObject } from 'node:crypto';
import { AUDIENCE, ISSUER, MARKER, now } from './baseline.js';
import {
  all,
  type Change,
  tokenClaims,
  tokenCompact,
  tokenHeader,
  tokenHeaderOctets,
  tokenPayloadOctets,
  tokenSignature,
  tokenSignedBy,
} from './changes.js';
import { SECOND_AUDIENCE, SECOND_ISSUER, UNREACHABLE_ISSUER } from './configurations.js';
import { encode } from './draft.js';
import { clients, issuers } from './keys.js';
import { accepted, badToken, type Row, rows, unavailable } from './row.js';
import { flipFirstBit, flipLastBit, hmacSigner, toDer } from './signatures.js';

const seconds = Math.floor(now());
const invalid = badToken('token_invalid');

/** One row of B1 with this verdict for each of the changes. */
const tokenRows = (expect: Row['expect'], changes: Readonly<Record<string, Change>>): readonly Row[] =>
  rows(changes, (what, change) => ({ id: 'B1', what: `token: ${what}`, change: [change], expect }));

const signatures = tokenRows(invalid, {
  'signed by another key': tokenSignedBy(issuers.rogue),
  'signed by another key that travels in its header': all(
    tokenSignedBy(issuers.rogue),
    tokenHeader({ jwk: issuers.rogue.publicJwk }),
  ),
  'signed by another key at the URL in its header': all(
    tokenSignedBy(issuers.rogue),
    tokenHeader({ jku: `https://${MARKER}.example/jwks` }),
  ),
  'signed by the key of the client': tokenSignedBy(clients.es256),
  'alg none, no signature': all(
    tokenHeader({ alg: 'none' }),
    tokenCompact((header, payload) => `${header}.${payload}.`),
  ),
  'alg none, a signature': tokenHeader({ alg: 'none' }),
  'alg None': all(
    tokenHeader({ alg: 'None' }),
    tokenCompact((header, payload) => `${header}.${payload}.`),
  ),
  'alg HS256 keyed with the public key as PEM': all(
    tokenHeader({ alg: 'HS256' }),
    tokenSignedBy(hmacSigner(pemOf(issuers.main.privateKey))),
  ),
  'alg HS256 keyed with the public key as JWK': all(
    tokenHeader({ alg: 'HS256' }),
    tokenSignedBy(hmacSigner(JSON.stringify(issuers.main.publicJwk))),
  ),
  'alg HS256 keyed with nothing': all(tokenHeader({ alg: 'HS256' }), tokenSignedBy(hmacSigner(''))),
  'alg in lower case': tokenHeader({ alg: 'es256' }),
  'alg RS256 with an EC key': tokenHeader({ alg: 'RS256' }),
  'alg ES384 with a P-256 key': tokenHeader({ alg: 'ES384' }),
  'alg missing': tokenHeader({ alg: undefined }),
  'alg an array': tokenHeader({ alg: ['ES256'] }),
  'alg a number': tokenHeader({ alg: 256 }),
  'kid of nobody': tokenHeader({ kid: MARKER }),
  'kid a path': tokenHeader({ kid: '../../../../dev/null' }),
  'kid a number': tokenHeader({ kid: 1 }),
  'kid __proto__': tokenHeader({ kid: '__proto__' }),
  'crit that nobody knows': tokenHeader({ crit: [MARKER], [MARKER]: true }),
  'crit empty': tokenHeader({ crit: [] }),
  'unencoded payload': tokenHeader({ b64: false, crit: ['b64'] }),
  'first bit of the signature flipped': tokenSignature(flipFirstBit),
  'last bit of the signature flipped': tokenSignature(flipLastBit),
  'signature of zeros': tokenSignature(() => Buffer.alloc(64)),
  'signature in DER': tokenSignature(toDer),
  'signature cut short': tokenSignature((signature) => signature.subarray(0, 63)),
  'signature one octet too long': tokenSignature((signature) => Buffer.concat([signature, Buffer.of(0)])),
  'payload exchanged after signing': tokenCompact(
    (header, payload, signature) =>
      `${header}.${encode(Buffer.from(payload, 'base64url').toString().replace('accounts:read', 'accounts:root'))}.${signature}`,
  ),
});

const forms = tokenRows(invalid, {
  'two parts': tokenCompact((header, payload) => `${header}.${payload}`),
  'four parts': tokenCompact(
    (header, payload, signature) => `${header}.${payload}.${signature}.${encode('x')}`,
  ),
  'five parts, as a JWE': tokenCompact(
    (header, payload, signature) => `${header}..${payload}.${signature}.${encode('x')}`,
  ),
  'an empty header': tokenCompact((_, payload, signature) => `.${payload}.${signature}`),
  'an empty payload': tokenCompact((header, _, signature) => `${header}..${signature}`),
  'an empty signature': tokenCompact((header, payload) => `${header}.${payload}.`),
  'dots only': tokenCompact(() => '..'),
  opaque: tokenCompact(() => MARKER),
  'characters of base64 in the signature': tokenCompact(
    (header, payload, signature) => `${header}.${payload}.+/${signature.slice(2)}`,
  ),
  'padding after the signature': tokenCompact(
    (header, payload, signature) => `${header}.${payload}.${signature}==`,
  ),
  'a header that is no JSON': tokenHeaderOctets(() => `{${MARKER}`),
  'a header that is an array': tokenHeaderOctets((json) => `[${json}]`),
  'a header that is null': tokenHeaderOctets(() => 'null'),
  'a payload that is no JSON': tokenPayloadOctets((json) => json.slice(0, -1)),
  'a payload that is an array': tokenPayloadOctets((json) => `[${json}]`),
  'a payload that is null': tokenPayloadOctets(() => 'null'),
  'a payload that is a string': tokenPayloadOctets(() => `"${MARKER}"`),
  'a payload that is a number': tokenPayloadOctets(() => '1'),
  'a payload that is empty': tokenPayloadOctets(() => '{}'),
  'a payload of random octets': tokenPayloadOctets(() => Buffer.from('ff00fe80c0c1f5', 'hex')),
});

const issuer: readonly Row[] = [
  ...tokenRows(badToken('token_issuer'), {
    'another issuer': tokenClaims({ iss: `https://${MARKER}.example` }),
    'an issuer with a slash at the end': tokenClaims({ iss: `${ISSUER}/` }),
    'an issuer in another case': tokenClaims({ iss: ISSUER.toUpperCase() }),
    'an issuer that ours begins': tokenClaims({ iss: `${ISSUER}.${MARKER}.example` }),
    'an empty issuer': tokenClaims({ iss: '' }),
    'issuer __proto__': tokenClaims({ iss: '__proto__' }),
  }),
  ...tokenRows(invalid, {
    'no issuer': tokenClaims({ iss: undefined }),
    'issuers in an array': tokenClaims({ iss: [ISSUER] }),
    'issuer null': tokenClaims({ iss: null }),
    'issuer an object': tokenClaims({ iss: { toString: ISSUER } }),
  }),
];

const audience: readonly Row[] = [
  ...tokenRows(badToken('token_audience'), {
    'another audience': tokenClaims({ aud: `https://${MARKER}.example` }),
    'no audience': tokenClaims({ aud: undefined }),
    'audience null': tokenClaims({ aud: null }),
    'audience empty': tokenClaims({ aud: '' }),
    'audiences without ours': tokenClaims({ aud: [MARKER, `${AUDIENCE}/`] }),
    'no audiences': tokenClaims({ aud: [] }),
    'audiences nested': tokenClaims({ aud: [[AUDIENCE]] }),
    'audience an object': tokenClaims({ aud: { 0: AUDIENCE } }),
    'audience in another case': tokenClaims({ aud: AUDIENCE.toUpperCase() }),
    'audience that ours begins': tokenClaims({ aud: `${AUDIENCE}.${MARKER}.example` }),
    'audiences in one string': tokenClaims({ aud: `${AUDIENCE} ${MARKER}` }),
  }),
  ...tokenRows(accepted, {
    'audiences with ours': tokenClaims({ aud: [MARKER, AUDIENCE] }),
  }),
];

const times: readonly Row[] = [
  ...tokenRows(badToken('token_expired'), {
    'expired beyond the tolerance': tokenClaims({ exp: seconds - 11 }),
    'expired long ago': tokenClaims({ exp: 1 }),
    'exp negative': tokenClaims({ exp: -1 }),
  }),
  ...tokenRows(badToken('token_not_yet_valid'), {
    'not valid yet, beyond the tolerance': tokenClaims({ nbf: seconds + 12 }),
    'issued in the future, beyond the tolerance': tokenClaims({ iat: seconds + 12 }),
  }),
  ...tokenRows(invalid, {
    'no exp': tokenClaims({ exp: undefined }),
    'exp null': tokenClaims({ exp: null }),
    'exp a string': tokenClaims({ exp: String(seconds + 300) }),
    'exp an array': tokenClaims({ exp: [seconds + 300] }),
    'nbf a string': tokenClaims({ nbf: String(seconds - 300) }),
    'nbf null': tokenClaims({ nbf: null }),
    'iat a string': tokenClaims({ iat: String(seconds) }),
  }),
  ...tokenRows(accepted, {
    'expired within the tolerance': tokenClaims({ exp: seconds - 8 }),
    'not valid yet, within the tolerance': tokenClaims({ nbf: seconds + 8 }),
    'issued in the future, within the tolerance': tokenClaims({ iat: seconds + 8 }),
  }),
];

const types: readonly Row[] = [
  ...tokenRows(badToken('token_type'), {
    'typ JWT where at+jwt is due': tokenHeader({ typ: 'JWT' }),
    'typ of an ID token': tokenHeader({ typ: undefined }),
    'typ dpop+jwt: a proof is no token': tokenHeader({ typ: 'dpop+jwt' }),
    'typ with a suffix': tokenHeader({ typ: 'at+jwt+x' }),
    'typ empty': tokenHeader({ typ: '' }),
    'typ application/': tokenHeader({ typ: 'application/' }),
  }),
  ...tokenRows(accepted, {
    'typ in another case': tokenHeader({ typ: 'AT+JWT' }),
    'typ in full': tokenHeader({ typ: 'application/at+jwt' }),
  }),
  {
    id: 'B1',
    what: 'token: typ an array',
    change: [tokenHeader({ typ: ['at+jwt'] })],
    expect: badToken('token_type'),
  },
  {
    id: 'B1',
    what: 'token: typ a number',
    change: [tokenHeader({ typ: 1 })],
    expect: badToken('token_type'),
  },
];

const fromSecond: readonly Change[] = [
  tokenHeader({ typ: 'JWT' }),
  tokenClaims({ iss: SECOND_ISSUER, aud: SECOND_AUDIENCE }),
  tokenSignedBy(issuers.second),
];

const severalIssuers: readonly Row[] = [
  ...rows(
    {
      'of the first, signed by the key of the second': [tokenSignedBy(issuers.second)],
      'of the first, signed by the key of nobody': [tokenSignedBy(issuers.rogue)],
    },
    (what, change): Row => ({
      id: 'B6',
      what: `a token ${what}`,
      on: 'two-issuers',
      change,
      expect: invalid,
    }),
  ),
  {
    id: 'B6',
    what: 'a token of the second, signed by the key of the first',
    on: 'two-issuers',
    from: fromSecond,
    change: [tokenSignedBy(issuers.main)],
    expect: invalid,
  },
  {
    id: 'B6',
    what: 'a token of the first for the audience of the second',
    on: 'two-issuers',
    change: [tokenClaims({ aud: SECOND_AUDIENCE })],
    expect: badToken('token_audience'),
  },
  {
    id: 'B6',
    what: 'a token of the second for the audience of the first',
    on: 'two-issuers',
    from: fromSecond,
    change: [tokenClaims({ aud: AUDIENCE })],
    expect: badToken('token_audience'),
  },
  {
    id: 'B6',
    what: 'a token of the first with the typ of the second',
    on: 'two-issuers',
    change: [tokenHeader({ typ: 'JWT' })],
    expect: badToken('token_type'),
  },
  {
    id: 'B6',
    what: 'a token of the second with the typ of the first',
    on: 'two-issuers',
    from: fromSecond,
    change: [tokenHeader({ typ: 'at+jwt' })],
    expect: badToken('token_type'),
  },
  {
    id: 'B6',
    what: 'a token of the second where only the first is trusted',
    change: fromSecond,
    expect: badToken('token_issuer'),
  },
  {
    id: 'B8',
    what: 'a token of an issuer whose keys cannot be reached',
    on: 'infrastructure',
    change: [tokenClaims({ iss: UNREACHABLE_ISSUER })],
    expect: unavailable,
  },
  {
    id: 'B8',
    what: 'the same again, while nobody asks the issuer',
    on: 'infrastructure',
    change: [tokenClaims({ iss: UNREACHABLE_ISSUER }), tokenSignedBy(issuers.rogue)],
    expect: unavailable,
  },
];

function pemOf(privateKey: KeyObject): string {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
}

export const accessTokens: readonly Row[] = [
  ...signatures,
  ...forms,
  ...issuer,
  ...audience,
  ...times,
  ...types,
  ...severalIssuers,
];
