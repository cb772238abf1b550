import { athOf, type JwsDraft } from '../hostile/draft.js';
import type { Random } from './random.js';

/** A request whose proof is yet to be signed. */
export interface Draft {
  readonly jws: JwsDraft;
  readonly method: string;
  readonly target: string;
  readonly token: string;
}

/** What a mutation may draw from, beside chance. */
export interface Surroundings {
  readonly nowSeconds: number;
  /** Right drafts of other clients. */
  readonly other: () => Draft;
  /** `jti`s that were used before, by whomever. */
  readonly usedJtis: readonly string[];
  readonly nonces: readonly string[];
}

/** Turns a right draft into one that is wrong, odd, or right in another way. */
export type Mutation = (draft: Draft, random: Random, surroundings: Surroundings) => Draft;

const header =
  (changes: (random: Random, draft: Draft) => Readonly<Record<string, unknown>>): Mutation =>
  (draft, random) => ({
    ...draft,
    jws: { ...draft.jws, header: { ...draft.jws.header, ...changes(random, draft) } },
  });

const jwk = (changes: (random: Random, draft: Draft) => Readonly<Record<string, unknown>>): Mutation =>
  header((random, draft) => ({
    jwk: { ...(draft.jws.header['jwk'] as object), ...changes(random, draft) },
  }));

/** A member of the key that is nearly right. The key may be none any more. */
const jwkMember = (name: string): Mutation =>
  jwk((random, { jws }) => {
    const key = jws.header['jwk'] as Readonly<Record<string, unknown>> | null | undefined;
    return { [name]: twist(key?.[name], random) };
  });

const claims =
  (
    changes: (random: Random, around: Surroundings, draft: Draft) => Readonly<Record<string, unknown>>,
  ): Mutation =>
  (draft, random, around) => ({
    ...draft,
    jws: { ...draft.jws, claims: { ...draft.jws.claims, ...changes(random, around, draft) } },
  });

const stages = (changes: (random: Random) => Partial<JwsDraft>): Mutation => {
  return (draft, random) => ({ ...draft, jws: { ...draft.jws, ...changes(random) } });
};

export const ODD_VALUES: readonly unknown[] = [undefined, null, '', 0, 1, true, [], {}, 'x', ['x'], -1];
const TIMES = [-1e9, -91, -61, -60.5, -60, -59.5, -30, -1, 0, 0.5, 29.5, 30, 30.5, 31, 61, 1e9];

const HTU_CHANGES: readonly ((htu: string) => string)[] = [
  (htu) => htu.toUpperCase(),
  (htu) => htu.replace('https', 'HTTPS').replace('api.test', 'API.Test'),
  (htu) => htu.replace('https', 'http'),
  (htu) => htu.replace('api.test', 'api.test:443'),
  (htu) => htu.replace('api.test', 'api.test:8443'),
  (htu) => htu.replace('api.test', 'api.test:'),
  (htu) => htu.replace('api.test', 'user@api.test'),
  (htu) => htu.replace('api.test', 'api.test.'),
  (htu) => htu.replace('api.test', 'api%2Etest'),
  (htu) => `${htu}/`,
  (htu) => `${htu}?a=b`,
  (htu) => `${htu}#f`,
  (htu) => `${htu}%`,
  (htu) => `${htu} `,
  (htu) => `${htu}/../${htu.slice(htu.lastIndexOf('/') + 1)}`,
  (htu) => htu.replace('//api', '/api'),
  (htu) => htu.replace('//api', '\\\\api'),
  (htu) => htu.replace(/a(?=[^a]*$)/, '%61'),
  (htu) => htu.replace(/c(?=[^c]*$)/, '%43'),
  (htu) => htu.replace('%20', '%2520'),
  (htu) => htu.replace('%2F', '%2f'),
  (htu) => htu.replace('%2F', '/'),
  (htu) => htu.slice('https:'.length),
  (htu) => htu.slice('https://api.test'.length),
];

/** Each by its name, which a failure tells. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'header: typ': header((random) => ({
    typ: random.pick(['JWT', 'DPOP+JWT', 'application/dpop+jwt', ...ODD_VALUES]),
  })),
  'header: alg': header((random) => ({
    alg: random.pick(['none', 'HS256', 'ES256K', 'es256', 'RS256', 'PS256', 'ES384', 'EdDSA', ...ODD_VALUES]),
  })),
  'header: more members': header((random) =>
    random.pick([{ kid: 'a' }, { jku: 'https://x.test' }, { x5c: ['AA'] }, { cty: 'json' }, { zip: 'DEF' }]),
  ),
  'header: crit': header((random) => ({ crit: random.pick([['exp'], ['b64'], ...ODD_VALUES]) })),
  'header: b64': header((random) => ({ b64: random.pick([true, false, ...ODD_VALUES]) })),
  'header: no jwk': header((random) => ({ jwk: random.pick(ODD_VALUES) })),
  'header: order of members': (draft) => ({
    ...draft,
    jws: { ...draft.jws, header: Object.fromEntries(Object.entries(draft.jws.header).toReversed()) },
  }),
  'jwk: a private member': jwk((random) => ({
    [random.pick(['d', 'p', 'k', 'oth', 'priv'])]: random.pick(['AQAB', null, '']),
  })),
  'jwk: use': jwk((random) => ({ use: random.pick(['sig', 'enc', ...ODD_VALUES]) })),
  'jwk: key_ops': jwk((random) => ({
    key_ops: random.pick([
      ['verify'],
      ['sign'],
      ['verify', 'sign'],
      ['verify', 'verify'],
      [],
      'verify',
      null,
    ]),
  })),
  'jwk: ext': jwk((random) => ({ ext: random.pick([true, false, null, 'no']) })),
  'jwk: alg': jwk((random, { jws }) => ({
    alg: random.pick([jws.header['alg'], 'ES384', 'EdDSA', 'Ed25519', ...ODD_VALUES]),
  })),
  'jwk: kty': jwk((random) => ({ kty: random.pick(['EC', 'RSA', 'OKP', 'oct', 'ec', ...ODD_VALUES]) })),
  'jwk: crv': jwk((random) => ({
    crv: random.pick(['P-256', 'P-384', 'Ed25519', 'secp256k1', 'p-256', ...ODD_VALUES]),
  })),
  'jwk: x': jwkMember('x'),
  'jwk: y': jwkMember('y'),
  'jwk: n': jwkMember('n'),
  'jwk: e': jwk((random) => ({
    e: random.pick(['AQAB', 'AAEAAQ', 'Aw', 'AQ', 'AAAAAAAAAAAB', ...ODD_VALUES]),
  })),
  "another client's key": (draft, _, { other }) => ({
    ...draft,
    jws: { ...draft.jws, key: other().jws.key },
  }),
  "another client's header": (draft, _, { other }) => ({
    ...draft,
    jws: { ...draft.jws, header: other().jws.header },
  }),
  "another client's token": (draft, _, { other }) => ({ ...draft, token: other().token }),
  'a stolen token': (draft, _, { other }) => {
    const { token } = other();
    const forStolen = { ...draft.jws.claims, ath: athOf(token) };
    return { ...draft, token, jws: { ...draft.jws, claims: forStolen } };
  },
  "another client's proof": (draft, _, { other }) => ({ ...draft, jws: other().jws }),
  'claims: one is odd': claims((random) => ({
    [random.pick(['jti', 'htm', 'htu', 'iat', 'ath', 'nonce', 'exp', 'nbf'])]: random.pick(ODD_VALUES),
  })),
  'claims: iat': claims((random, { nowSeconds }) => ({ iat: nowSeconds + random.pick(TIMES) })),
  'claims: exp': claims((random, { nowSeconds }) => ({ exp: nowSeconds + random.pick(TIMES) })),
  'claims: nbf': claims((random, { nowSeconds }) => ({ nbf: nowSeconds + random.pick(TIMES) })),
  'claims: length of jti': claims((random) => ({
    jti: random.text(random.pick([1, 2, 255, 256, 257, 300])),
  })),
  'claims: a jti of before': claims((random, { usedJtis }) => ({ jti: random.pick([...usedJtis, 'once']) })),
  'claims: htm': claims((random, _, { method }) => ({
    htm: random.pick(['GET', 'POST', 'get', 'Get ', 'PURGE', method.toLowerCase()]),
  })),
  'claims: htu': claims((random, _, { jws }) => ({
    htu: random.pick(HTU_CHANGES)(String(jws.claims['htu'])),
  })),
  'claims: ath': claims((random, _, { jws }) => ({ ath: twist(jws.claims['ath'], random) })),
  'claims: nonce': claims((random, { nonces }) => ({
    nonce: random.pick([...nonces, ...nonces, 'guessed']),
  })),
  'claims: more members': claims((random) => ({ [random.pick(['iss', 'sub', 'aud', '__proto__'])]: 'x' })),
  'payload: text': stages((random) => ({
    payloadOctets: random.pick<JwsDraft['payloadOctets']>([
      (json) => ` ${json}\n`,
      (json) => `\uFEFF${json}`,
      (json) => `[${json}]`,
      (json) => json.replace('"iat":', '"iat":1e400,"was":'),
      (json) => json.replace('"iat":', '"iat":0,"iat":'),
      (json) => json.replace('{', '{"jti":"twice",'),
      (json) => json.replace('"htm"', '"\\u0068tm"'),
      (json) => json.slice(0, -1),
      (json) => Buffer.from(json.replace('"ath"', '"a\u00ff":1,"ath"'), 'latin1'),
      (json) => json.replace('"ath"', '"\u00e4\u20ac":1,"ath"'),
    ]),
  })),
  'header: text': stages((random) => ({
    headerOctets: random.pick<JwsDraft['headerOctets']>([
      (json) => ` ${json}\n`,
      (json) => `\uFEFF${json}`,
      (json) => `[${json}]`,
      (json) => json.replace('{', '{"alg":"none",'),
      (json) => json.replace('"typ"', '"\\u0074yp"'),
      (json) => json.slice(1),
      (json) => Buffer.from(json.replace('"typ"', '"a\u00ff":1,"typ"'), 'latin1'),
    ]),
  })),
  signature: stages((random) => ({ signature: (octets) => bend(octets, random) })),
  'compact form': stages((random) => ({
    compact: random.pick<JwsDraft['compact']>([
      (h, p) => `${h}.${p}.`,
      (h, p) => `${h}.${p}`,
      (h, p, s) => `${h}.${p}.${s}.`,
      (h, p, s) => `${h}.${p}.${s}.${s}.${s}`,
      (h, _, s) => `${h}..${s}`,
      (h, p, s) => `${h}.${p}.${s}=`,
      (h, p, s) => `${h}.${p}.${s}==`,
      (h, p, s) => ` ${h}.${p}.${s}`,
      (h, p, s) => `${h}.${p}.${s}\t`,
      (h, p, s) => `${h}. ${p}.${s}`,
      (h, p, s) => `${h}.${p}.${s}A`,
      (h, p, s) => `${h}.${p}.${s.replaceAll('-', '+').replaceAll('_', '/')}`,
      (h, p, s) => `${h}.${p}.${looseEnd(s)}`,
      (h, p, s) => `${h}.${looseEnd(p)}.${s}`,
      (h, p, s) => `${looseEnd(h)}.${p}.${s}`,
    ]),
  })),
  'one character': stages((random) => ({
    compact: (...segments) => {
      const proof = segments.join('.');
      const at = random.index(proof.length);
      const character = random.pick(['A', 'B', 'g', 'w', '_', '-', '.', '=', '+', '9']);
      return proof.slice(0, at) + character + proof.slice(at + 1);
    },
  })),
  'the request: method': (draft, random) => ({
    ...draft,
    method: random.pick(['GET', 'POST', 'get', 'DELETE']),
  }),
  'the request: target': (draft, random) => ({ ...draft, target: random.pick(OTHER_TARGETS) }),
};

export const TARGETS = ['/', '/accounts', '/a/b%20c', '/a%2Fb/c?x=1', '/A/', '/~user/.well?', '/%61/c'];

/** Dot segments, in whatever spelling, are right in an `htu` and in no target. */
const OTHER_TARGETS = [...TARGETS, '/a/./b/../c', '/a/%2E%2e/', '/.;/a'];

/** Another last character, of which only the bits that encode nothing differ. */
function looseEnd(segment: string): string {
  const unused = { 2: 4, 3: 2 }[segment.length % 4];
  if (unused === undefined) return segment;
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return segment.slice(0, -1) + alphabet.charAt(alphabet.indexOf(segment.slice(-1)) ^ 1);
}

function twist(value: unknown, random: Random): unknown {
  const text = typeof value === 'string' ? value : 'AAAA';
  const at = random.index(text.length);
  return random.pick([
    () => text.slice(0, at) + random.pick(['A', 'b', '-']) + text.slice(at + 1),
    () => text.slice(0, -1),
    () => `${text}A`,
    () => `${text}=`,
    () => `A${text.slice(1)}`,
    () => looseEnd(text),
    () => text.toUpperCase(),
    () => random.pick(ODD_VALUES),
  ])();
}

function bend(octets: Buffer, random: Random): Uint8Array {
  const flipped = Buffer.from(octets);
  const at = random.index(octets.length);
  flipped[at] = (flipped[at] ?? 0) ^ (1 << random.index(8));
  return random.pick<() => Uint8Array>([
    () => flipped,
    () => octets.subarray(0, -1),
    () => octets.subarray(1),
    () => Buffer.concat([octets, Buffer.alloc(1)]),
    () => Buffer.concat([Buffer.alloc(1), octets]),
    () => Buffer.alloc(octets.length),
    () => Buffer.alloc(octets.length, 0xff),
    () => otherTwin(octets),
  ])();
}

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** (r, n − s) verifies wherever (r, s) does: ECDSA gives every message two signatures, at least. */
function otherTwin(octets: Buffer): Uint8Array {
  if (octets.length !== 64) return octets;
  const s = BigInt(`0x${octets.subarray(32).toString('hex')}`);
  const twin = (P256_ORDER - s).toString(16).padStart(64, '0');
  return Buffer.concat([octets.subarray(0, 32), Buffer.from(twin, 'hex')]);
}
