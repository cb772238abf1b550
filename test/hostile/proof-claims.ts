import { hash } from 'node:crypto';
import { MARKER, now } from './baseline.js';
import {
  all,
  type Change,
  field,
  method,
  nonce,
  proofClaims,
  proofPayloadOctets,
  tokenClaims,
} from './changes.js';
import { athOf, signJws } from './draft.js';
import { claimRows } from './proof-rows.js';
import { accepted, badProof, type Row, rows } from './row.js';

const seconds = Math.floor(now());
const wrongClaims = badProof('proof_claims');

const NO_STRINGS: Readonly<Record<string, unknown>> = {
  missing: undefined,
  null: null,
  empty: '',
  'a number': 7,
  true: true,
  'in an array': [MARKER],
  'an object': { toString: MARKER },
};

const NO_TIMES: Readonly<Record<string, unknown>> = {
  null: null,
  empty: '',
  'a string': String(seconds),
  true: true,
  'in an array': [seconds],
  'an object': { valueOf: seconds },
  negative: -seconds,
  'less than zero by little': -0.001,
  'a date': '2025-06-15T15:06:40Z',
};

const claims: readonly Row[] = [
  ...['jti', 'htm', 'htu', 'ath'].flatMap((name) =>
    rows(NO_STRINGS, (what, value) => ({
      id: 'C3',
      what: `${name} ${what}`,
      change: [proofClaims({ [name]: value })],
      expect: wrongClaims,
    })),
  ),
  ...['iat', 'exp', 'nbf'].flatMap((name) =>
    rows(NO_TIMES, (what, value) => ({
      id: 'C3',
      what: `${name} ${what}`,
      change: [proofClaims({ [name]: value })],
      expect: wrongClaims,
    })),
  ),
  ...['iat', 'exp', 'nbf'].flatMap((name) =>
    rows({ '1e400': '1e400', '-1e400': '-1e400' }, (what, value) => ({
      id: 'C3',
      what: `${name} ${what}, which is infinite`,
      change: [
        proofClaims({ [name]: seconds }),
        proofPayloadOctets((json) => json.replace(`"${name}":${seconds}`, `"${name}":${value}`)),
      ],
      expect: wrongClaims,
    })),
  ),
  ...claimRows('C3', wrongClaims, {
    'iat missing': proofClaims({ iat: undefined }),
    'jti of 257 characters': proofClaims({ jti: MARKER.padEnd(257, 'x') }),
    'jti of 4000 characters': proofClaims({ jti: MARKER.padEnd(4000, 'x') }),
    'all claims missing': proofPayloadOctets(() => '{}'),
    'jti below __proto__ only': proofPayloadOctets((json) =>
      json.replace('"jti":', '"__proto__":{"jti":"x"},"no":'),
    ),
    'htu in another case of the name': proofPayloadOctets((json) => json.replace('"htu"', '"HTU"')),
    'nonce a number': proofClaims({ nonce: 1 }),
    'nonce null': proofClaims({ nonce: null }),
    'nonce an object': proofClaims({ nonce: { [MARKER]: MARKER } }),
    'nonce in an array': all(nonce(({ present }) => [present])),
  }),
  ...claimRows('C3', accepted, {
    'jti of 256 characters': proofClaims({ jti: MARKER.padEnd(256, 'x') }),
    'jti of one character': proofClaims({ jti: '~' }),
    'jti of characters beyond ASCII': proofClaims({ jti: `\u{1f511}\u0000é${MARKER}` }),
    'iat with a fraction': proofClaims({ iat: seconds + 0.25 }),
    'iat with an exponent': proofPayloadOctets((json) =>
      json.replace(`"iat":${seconds}`, `"iat":${seconds}00e-2`),
    ),
    'exp and nbf around the present': proofClaims({ exp: seconds + 60, nbf: seconds - 60 }),
  }),
];

const wrongMethod = badProof('proof_htm');

const methods: readonly Row[] = [
  ...rows(
    {
      'of another method': 'POST',
      'in lower case': 'get',
      'with a capital': 'Get',
      'with a space before': ' GET',
      'with a space after': 'GET ',
      'with NUL after': 'GET\0',
      'of two methods': 'GET,POST',
      'of any method': '*',
      HEAD: 'HEAD',
      'in full width': 'ＧＥＴ',
      'a text of the client': MARKER,
    },
    (what, htm): Row => ({
      id: 'C8',
      what: `htm ${what}`,
      change: [proofClaims({ htm })],
      expect: wrongMethod,
    }),
  ),
  ...['POST', 'PUT', 'PATCH', 'DELETE'].map((value): Row => ({
    id: 'C8',
    what: `a proof for GET sent with ${value}`,
    from: [method(value), proofClaims({ htm: value })],
    change: [proofClaims({ htm: 'GET' })],
    expect: wrongMethod,
  })),
  {
    id: 'C8',
    what: 'a proof for the method in X-HTTP-Method-Override',
    change: [field('X-HTTP-Method-Override', 'DELETE'), proofClaims({ htm: 'DELETE' })],
    expect: wrongMethod,
  },
  {
    id: 'C8',
    what: 'X-HTTP-Method-Override beside the right htm',
    change: [field('X-HTTP-Method-Override', 'DELETE')],
    expect: accepted,
  },
];

const stale = badProof('proof_stale');
const early = badProof('proof_early');

/** The clock shows half a second: whoever rounds either side is off at one of these borders. */
const freshness: readonly Row[] = [
  ...claimRows('C11', accepted, {
    'iat exactly 60 s ago': proofClaims({ iat: now() - 60 }),
    'iat 59.999 s ago': proofClaims({ iat: now() - 59.999 }),
    'iat exactly 30 s ahead': proofClaims({ iat: now() + 30 }),
    'iat 29.999 s ahead': proofClaims({ iat: now() + 29.999 }),
    'iat in whole seconds, 59.5 s ago': proofClaims({ iat: seconds - 59 }),
    'iat in whole seconds, 29.5 s ahead': proofClaims({ iat: seconds + 30 }),
  }),
  ...claimRows('C11', stale, {
    'iat 60.001 s ago': proofClaims({ iat: now() - 60.001 }),
    'iat in whole seconds, 60.5 s ago': proofClaims({ iat: seconds - 60 }),
    'iat an hour ago': proofClaims({ iat: seconds - 3600 }),
    'iat zero': proofClaims({ iat: 0 }),
    'exp long past': proofClaims({ exp: seconds - 60 }),
    'exp zero': proofClaims({ exp: 0 }),
    'exp past by more than the tolerance': proofClaims({ exp: now() - 30.001 }),
  }),
  ...claimRows('C11', early, {
    'iat 30.001 s ahead': proofClaims({ iat: now() + 30.001 }),
    'iat in whole seconds, 30.5 s ahead': proofClaims({ iat: seconds + 31 }),
    'iat in milliseconds': proofClaims({ iat: seconds * 1000 }),
    'iat beyond all dates': proofClaims({ iat: 1e300 }),
    'nbf an hour ahead': proofClaims({ nbf: seconds + 3600 }),
    'nbf ahead by more than the tolerance': proofClaims({ nbf: now() + 30.001 }),
  }),
  {
    id: 'C11',
    what: 'a good proof, sent 61 s later',
    laterSeconds: 61,
    change: [],
    expect: stale,
  },
  {
    id: 'C11',
    what: 'a good proof, sent by a client whose service has an earlier clock',
    laterSeconds: -31,
    change: [tokenClaims({ iat: seconds - 60 })],
    expect: early,
  },
  ...claimRows(
    'C11',
    accepted,
    {
      'freshness by nonce: iat an hour ago': proofClaims({ iat: seconds - 3600 }),
      'freshness by nonce: iat an hour ahead': proofClaims({ iat: seconds + 3600 }),
      'freshness by nonce: iat zero': proofClaims({ iat: 0 }),
    },
    'nonce-freshness',
  ),
  ...claimRows(
    'C11',
    stale,
    { 'freshness by nonce: exp long past': proofClaims({ exp: seconds - 3600 }) },
    'nonce-freshness',
  ),
  ...claimRows(
    'C11',
    early,
    { 'freshness by nonce: nbf an hour ahead': proofClaims({ nbf: seconds + 3600 }) },
    'nonce-freshness',
  ),
  ...claimRows(
    'C11',
    wrongClaims,
    { 'freshness by nonce: no iat': proofClaims({ iat: undefined }) },
    'nonce-freshness',
  ),
];

/** An `ath` that depends on the token. */
const hashed =
  (digest: (token: string) => string): Change =>
  (draft, context) => {
    const compact = signJws(draft.token);
    const held = { ...draft, token: { ...draft.token, compact: () => compact } };
    return proofClaims({ ath: digest(compact) })(held, context);
  };
const respelledAth = (respell: (ath: string) => string): Change => hashed((token) => respell(athOf(token)));

const ath: readonly Row[] = claimRows('C12', badProof('proof_ath'), {
  'ath of another token': proofClaims({ ath: athOf(MARKER) }),
  'ath of nothing': proofClaims({ ath: athOf('') }),
  'ath of the credentials with their scheme': hashed((token) => athOf(`DPoP ${token}`)),
  'ath of the token and a line feed': hashed((token) => athOf(`${token}\n`)),
  'ath by SHA-512': hashed((token) => hash('sha512', token, 'base64url')),
  'ath by SHA-1': hashed((token) => hash('sha1', token, 'base64url')),
  'ath of a digest': hashed((token) => hash('sha256', hash('sha256', token, 'buffer'), 'base64url')),
  'ath that is the token itself': hashed((token) => token),
  'ath in hex': hashed((token) => hash('sha256', token, 'hex')),
  'ath with padding': respelledAth((value) => `${value}=`),
  'ath in another case': respelledAth((value) => value.toLowerCase()),
  'ath cut short': respelledAth((value) => value.slice(0, -1)),
  'ath one character too long': respelledAth((value) => `${value}A`),
  'ath with a space': respelledAth((value) => ` ${value}`),
  'ath whose last character has other idle bits': respelledAth(
    (value) => value.slice(0, -1) + String.fromCharCode(value.charCodeAt(42) + 1),
  ),
  'ath whose characters agree in their lower octets only': respelledAth(
    (value) => String.fromCharCode(value.charCodeAt(0) + 0x100) + value.slice(1),
  ),
  'ath with a wrong last character': respelledAth((value) => `${value.slice(0, 42)}-`),
});

export const proofClaimRows: readonly Row[] = [...claims, ...methods, ...freshness, ...ath];
