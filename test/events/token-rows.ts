import { createHmac } from 'node:crypto';
import { SESSION_REVOKED } from '../support/security-events.js';
import {
  changed,
  encode,
  type EventRow,
  type Hand,
  MARK,
  post,
  reheaded,
  rowsOf,
  withClaims,
  withHeader,
} from './event-row.js';

const OTHER = `https://${MARK}.example`;
const NOW = 1_893_456_000;

/** The claims of the good token, signed by another key. */
async function forged({ set, foreign }: Hand, header: object = {}): Promise<string> {
  const [head = '', payload = ''] = set.split('.');
  const { kid } = JSON.parse(Buffer.from(head, 'base64url').toString()) as { kid: string };
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  return await foreign.issueToken({ header: { typ: 'secevent+jwt', kid, ...header }, claims });
}

function sharedSecret({ set, scene }: Hand): string {
  const [head = '', payload = ''] = reheaded(set, (header) => ({ ...header, alg: 'HS256' })).split('.');
  const key = JSON.stringify(scene.keys.keys[0]);
  return `${head}.${payload}.${createHmac('sha256', key).update(`${head}.${payload}`).digest('base64url')}`;
}

const headed = (change: (header: Record<string, unknown>) => object) =>
  changed((set) => reheaded(set, change));
const resigned = (signature: (given: string) => string) =>
  changed((set) => set.replace(/[^.]*$/, (given) => signature(given)));
const repaid = (payload: string | Uint8Array) =>
  changed((set) => set.replace(/\.[^.]*\./, `.${Buffer.from(payload).toString('base64url')}.`));

export const HEADER_ROWS: readonly EventRow[] = [
  ...rowsOf(400, 'invalid_request', 'typ', {
    'typ of an access token': withHeader({ typ: 'at+jwt' }),
    'typ of a logout token': withHeader({ typ: 'logout+jwt' }),
    'typ JWT': withHeader({ typ: 'JWT' }),
    'no typ': withHeader({ typ: undefined }),
    'typ that is a list': withHeader({ typ: ['secevent+jwt'] }),
    'typ that is a number': withHeader({ typ: 7 }),
    'typ that is null': withHeader({ typ: null }),
    'typ with a blank': withHeader({ typ: 'secevent+jwt ' }),
    'typ with a parameter': withHeader({ typ: `secevent+jwt;${MARK}` }),
    'typ with the prefix twice': withHeader({ typ: 'application/application/secevent+jwt' }),
    'typ of another tree': withHeader({ typ: 'text/secevent+jwt' }),
  }),
  ...rowsOf(400, 'invalid_key', 'alg', {
    'alg none with a signature': headed((header) => ({ ...header, alg: 'none' })),
    'alg of a shared secret, the public key': (hand) => post(sharedSecret(hand)),
    'alg in lower case': headed((header) => ({ ...header, alg: 'es256' })),
    'no alg': headed(({ alg: _left, ...header }) => header),
    'alg that is a list': headed((header) => ({ ...header, alg: ['ES256'] })),
    'alg that nobody knows': headed((header) => ({ ...header, alg: MARK })),
  }),
  ...rowsOf(400, 'invalid_key', 'kid', {
    'kid that is a number': headed((header) => ({ ...header, kid: 1 })),
    'kid that is null': headed((header) => ({ ...header, kid: null })),
    'kid that is a list': headed((header) => ({ ...header, kid: [header['kid']] })),
    'kid that is an object': headed((header) => ({ ...header, kid: { [MARK]: 1 } })),
    'kid of 513 characters': headed((header) => ({ ...header, kid: MARK.padEnd(513, 'x') })),
    'kid of 40 KB': headed((header) => ({ ...header, kid: MARK.padEnd(40_000, 'x') })),
  }),
  ...rowsOf(400, 'invalid_key', 'key', {
    'kid of no key': headed((header) => ({ ...header, kid: MARK })),
    'kid of 512 characters': headed((header) => ({ ...header, kid: MARK.padEnd(512, 'x') })),
    'kid __proto__': headed((header) => ({ ...header, kid: '__proto__' })),
    'kid that is a path': headed((header) => ({ ...header, kid: '../../dev/null' })),
    'alg of another kind of key': headed((header) => ({ ...header, alg: 'RS256' })),
  }),
  ...rowsOf(400, 'invalid_request', 'crit', {
    'crit with b64': headed((header) => ({ ...header, crit: ['b64'], b64: false })),
    'crit that is empty': headed((header) => ({ ...header, crit: [] })),
    'crit that is null': headed((header) => ({ ...header, crit: null })),
  }),
  ...rowsOf(400, 'authentication_failed', 'signature', {
    'the key of another issuer under the same kid': async (hand) => post(await forged(hand)),
    'the key of another issuer in jwk': async (hand) =>
      post(await forged(hand, { jwk: hand.foreign.keys.keys[0] })),
    'the key of another issuer at jku': async (hand) => post(await forged(hand, { jku: `${OTHER}/jwks` })),
    'the key of another issuer at x5u': async (hand) => post(await forged(hand, { x5u: `${OTHER}/x5u` })),
    'a header that was not signed': headed((header) => ({ ...header, [MARK]: 1 })),
    'a signature of zeros': resigned(() => encode('\0'.repeat(64))),
    'a signature that is cut off': resigned((given) => given.slice(0, 43)),
    'a signature that is too long': resigned((given) => given + given),
    'the signature of another token': async ({ scene, set }) =>
      post(set.replace(/[^.]*$/, (await scene.sign()).split('.')[2] ?? '')),
    'an event that was not signed': ({ set, scene }) => {
      const [head = '', payload = '', signature = ''] = set.split('.');
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
      const sub_id = { format: 'iss_sub', iss: scene.issuer.issuer, sub: MARK };
      return post(`${head}.${encode({ ...claims, sub_id })}.${signature}`);
    },
  }),
];

export const CLAIM_ROWS: readonly EventRow[] = [
  ...rowsOf(400, 'invalid_issuer', 'issuer', {
    'another transmitter': withClaims({ iss: OTHER }),
    'the transmitter with a slash': withClaims({ iss: 'https://issuer.test/' }),
    'the transmitter in capitals': withClaims({ iss: 'HTTPS://ISSUER.TEST' }),
    'a list of transmitters': withClaims({ iss: ['https://issuer.test'] }),
    'an object as iss': withClaims({ iss: { [MARK]: 1 } }),
    'iss __proto__': withClaims({ iss: '__proto__' }),
    'no iss': withClaims({ iss: undefined }),
    'iss in __proto__': repaid('{"__proto__":{"iss":"https://issuer.test"}}'),
    'a second iss': repaid(`{"iss":"https://issuer.test","iss":"${OTHER}"}`),
  }),
  ...rowsOf(400, 'invalid_audience', 'audience', {
    'another audience': withClaims({ aud: OTHER }),
    'the audience of access tokens': withClaims({ aud: 'https://api.example.com' }),
    'the audience with a slash': withClaims({ aud: 'https://api.example.com/events/' }),
    'no audience': withClaims({ aud: undefined }),
    'an empty list of audiences': withClaims({ aud: [] }),
    'the audience in a list of lists': withClaims({ aud: [['https://api.example.com/events']] }),
    'an object as aud': withClaims({ aud: { 0: 'https://api.example.com/events' } }),
  }),
  ...rowsOf(400, 'invalid_request', 'jti', {
    'no jti': withClaims({ jti: undefined }),
    'an empty jti': withClaims({ jti: '' }),
    'a jti that is a number': withClaims({ jti: 1 }),
    'a jti that is a list': withClaims({ jti: [MARK] }),
  }),
  ...rowsOf(400, 'invalid_request', 'iat', {
    'no iat': withClaims({ iat: undefined }),
    'an iat that is a text': withClaims({ iat: `${NOW}` }),
    'an iat in milliseconds': withClaims({ iat: 1000 * NOW }),
    'a negative iat': withClaims({ iat: -1 }),
    'an iat that is a list': withClaims({ iat: [NOW] }),
  }),
  ...rowsOf(400, 'invalid_request', 'exp', {
    'an exp that is over': withClaims({ exp: NOW - 60 }),
    'an exp of 0': withClaims({ exp: 0 }),
    'an exp that is null': withClaims({ exp: null }),
  }),
  ...rowsOf(400, 'invalid_request', 'nbf', {
    'an nbf in milliseconds': withClaims({ nbf: 1000 * NOW }),
    'an nbf that is true': withClaims({ nbf: true }),
  }),
  ...rowsOf(400, 'invalid_request', 'events_missing', {
    'no events': withClaims({ events: undefined }),
    'an empty object of events': withClaims({ events: {} }),
  }),
  ...rowsOf(400, 'invalid_request', 'events', {
    'null as events': withClaims({ events: null }),
    'a list of events': withClaims({ events: [SESSION_REVOKED] }),
    'a text as events': withClaims({ events: SESSION_REVOKED }),
    'an event that is null': withClaims({ events: { [SESSION_REVOKED]: null } }),
    'an event that is a list': withClaims({ events: { [SESSION_REVOKED]: [MARK] } }),
    'a good event beside a bad one': withClaims({ events: { [SESSION_REVOKED]: {}, 'urn:x': MARK } }),
    'a type that is no URI': withClaims({ events: { [MARK]: {} } }),
    'a type with a line break': withClaims({ events: { [`urn:\n${MARK}`]: {} } }),
  }),
];
