import { MARKER, now, ORIGIN } from './baseline.js';
import {
  all,
  authorizationLines,
  body,
  type Change,
  clientKey,
  dpopLines,
  field,
  htu,
  method,
  nonce,
  padTo,
  path,
  proofClaims,
  proofCompact,
  proofHeader,
  proofSignature,
  proofSignedBy,
  resend,
  target,
} from './changes.js';
import { athOf, encode, signJws } from './draft.js';
import { clients } from './keys.js';
import { accepted, badProof, type Expected, needsNonce, type Row, rows, unavailable } from './row.js';
import { flipFirstBit } from './signatures.js';

const seconds = Math.floor(now());
const FORM = 'application/x-www-form-urlencoded';
const GRANT = `grant_type=authorization_code&code=${MARKER}&code_verifier=${MARKER}`;
const PUSHED = `response_type=code&client_id=${MARKER}&code_challenge=${MARKER}`;

const post = (endpoint: string, form: string): readonly Change[] => [
  path(endpoint),
  body(FORM, form),
  proofClaims({ htm: 'POST' }),
];

const ENDPOINTS = { token: post('/token', GRANT), par: post('/par', PUSHED) } as const;

/** One for each check of §4.3 that applies without an access token. */
const CHECKS: Readonly<Record<string, readonly [id: string, change: Change, expect: Expected]>> = {
  'no proof': ['A3', dpopLines(() => []), badProof('proof_missing')],
  'an empty DPoP field': ['A3', dpopLines(() => ['']), badProof('proof_malformed')],
  'two proofs': ['C1', dpopLines((proof) => [proof, proof]), badProof('proof_repeated')],
  'a proof and an empty field': ['C1', dpopLines((proof) => [proof, '']), badProof('proof_repeated')],
  'a proof that is too large': ['A5', padTo('proof', 8193), badProof('proof_too_large')],
  'a proof in the body only': [
    'A2',
    (draft) => ({ ...draft, body: `${GRANT}&DPoP=${signJws(draft.proof)}`, dpop: () => [] }),
    badProof('proof_missing'),
  ],
  'a proof in the query only': [
    'A2',
    (draft) => ({
      ...draft,
      target: `${draft.target}?DPoP=${signJws(draft.proof)}`,
      dpop: () => [],
    }),
    badProof('proof_missing'),
  ],
  'no JWT': ['C2', dpopLines(() => [MARKER]), badProof('proof_malformed')],
  'four segments': [
    'C2',
    proofCompact((...parts) => [...parts, 'e30'].join('.')),
    badProof('proof_malformed'),
  ],
  'an unknown critical header': ['C2', proofHeader({ crit: [MARKER] }), badProof('proof_crit')],
  'no jti': ['C3', proofClaims({ jti: undefined }), badProof('proof_claims')],
  'no htm': ['C3', proofClaims({ htm: undefined }), badProof('proof_claims')],
  'no htu': ['C3', proofClaims({ htu: undefined }), badProof('proof_claims')],
  'no iat': ['C3', proofClaims({ iat: undefined }), badProof('proof_claims')],
  'typ of an access token': ['C4', proofHeader({ typ: 'at+jwt' }), badProof('proof_typ')],
  'alg none': ['C5', proofHeader({ alg: 'none' }), badProof('proof_alg')],
  'alg HS256': ['C5', proofHeader({ alg: 'HS256' }), badProof('proof_alg')],
  'alg of another key type': ['C5', proofHeader({ alg: 'RS256' }), badProof('proof_jwk')],
  'a forged signature': ['C6', proofSignature(flipFirstBit), badProof('proof_signature')],
  'the signature of another key': ['C6', proofSignedBy(clients.other), badProof('proof_signature')],
  'a private key': [
    'C7',
    proofHeader({ jwk: { ...clients.es256.publicJwk, d: encode('d'.repeat(32)) } }),
    badProof('proof_jwk_private'),
  ],
  'no key': ['C7', proofHeader({ jwk: undefined }), badProof('proof_jwk')],
  'a proof for GET': ['C8', proofClaims({ htm: 'GET' }), badProof('proof_htm')],
  'a proof for post': ['C8', proofClaims({ htm: 'post' }), badProof('proof_htm')],
  'the method in a header': [
    'C8',
    all(method('PUT'), field('X-HTTP-Method-Override', 'POST')),
    badProof('proof_htm'),
  ],
  'a proof for another endpoint': ['C9', htu(`${ORIGIN}/revoke`), badProof('proof_htu')],
  'a proof for the issuer': ['C9', htu(ORIGIN), badProof('proof_htu')],
  'a proof for another server': ['C9', htu('https://other.example.com/token'), badProof('proof_htu')],
  'dot segments in the target': [
    'C9',
    all(target('/a/../token'), htu(`${ORIGIN}/token`)),
    { ...badProof('target_unusable'), code: 'invalid_request' },
  ],
  'a stale proof': ['C11', proofClaims({ iat: seconds - 61 }), badProof('proof_stale')],
  'a premature proof': ['C11', proofClaims({ iat: seconds + 31 }), badProof('proof_early')],
  'the ath of a token': ['C12', proofClaims({ ath: athOf(MARKER) }), badProof('proof_ath_unexpected')],
  'a forged nonce': ['E2', proofClaims({ nonce: MARKER }), needsNonce('nonce_unacceptable')],
  'a nonce of the resource server with this origin and secret': [
    'G3',
    nonce(({ foreign }) => foreign),
    needsNonce('nonce_unacceptable'),
  ],
};

const checks: readonly Row[] = Object.entries(ENDPOINTS).flatMap(([name, from]) =>
  rows(CHECKS, (what, [id, change, expect]): Row => ({
    id,
    what: `${name} request: ${what}`,
    from,
    change: [change],
    expect,
  })),
);

const replays: readonly Row[] = [
  ...Object.entries(ENDPOINTS).map(([name, from]): Row => ({
    id: 'F1',
    what: `${name} request: the same proof twice`,
    from,
    after: {},
    change: [resend()],
    expect: badProof('proof_replayed'),
  })),
  {
    id: 'G3',
    what: 'the proof of a pushed authorization request at the token endpoint',
    from: ENDPOINTS.token,
    after: { change: ENDPOINTS.par },
    change: [resend()],
    expect: badProof('proof_htu'),
  },
  {
    id: 'D8',
    what: 'token request: the replay store is down',
    on: 'infrastructure',
    from: ENDPOINTS.token,
    change: [clientKey(clients.unlucky)],
    expect: unavailable,
  },
];

const nonces: readonly Row[] = [
  {
    id: 'E2',
    what: 'token request without a nonce where one is required (Fig. 20)',
    on: 'nonce',
    from: ENDPOINTS.token,
    change: [proofClaims({ nonce: undefined })],
    expect: needsNonce('nonce_missing'),
  },
  {
    id: 'E1',
    what: 'pushed authorization request to an endpoint that requires a nonce',
    from: [...post('/nonce', PUSHED), nonce(({ present }) => present)],
    change: [proofClaims({ nonce: undefined })],
    expect: needsNonce('nonce_missing'),
  },
  {
    id: 'E4',
    what: 'token request with a nonce that expires soon',
    on: 'nonce',
    from: ENDPOINTS.token,
    change: [nonce(({ previous }) => previous)],
    expect: { ...accepted, freshNonce: true },
  },
];

const OPTIONAL = post('/optional', GRANT);

/** An endpoint that accepts requests without a proof accepts no bad one. */
const optional: readonly Row[] = rows<readonly [Change, Expected]>(
  {
    'no proof': [dpopLines(() => []), accepted],
    'an empty field': [dpopLines(() => ['']), badProof('proof_malformed')],
    'two empty fields': [dpopLines(() => ['', '']), badProof('proof_repeated')],
    'two proofs': [dpopLines((proof) => [proof, proof]), badProof('proof_repeated')],
    'no JWT': [dpopLines(() => [MARKER]), badProof('proof_malformed')],
    'a forged signature': [proofSignature(flipFirstBit), badProof('proof_signature')],
    'a proof for another endpoint': [htu(`${ORIGIN}/token`), badProof('proof_htu')],
    'a forged nonce': [proofClaims({ nonce: MARKER }), needsNonce('nonce_unacceptable')],
    'no proof beside a DPoP token': [
      all(
        dpopLines(() => []),
        authorizationLines((token) => [`DPoP ${token}`]),
      ),
      accepted,
    ],
  },
  (what, [change, expect]): Row => ({
    id: 'G1',
    what: `where a proof is optional: ${what}`,
    from: OPTIONAL,
    change: [change],
    expect,
  }),
);

export const tokenEndpointRows: readonly Row[] = [...checks, ...replays, ...nonces, ...optional];
