import { MARKER } from './baseline.js';
import {
  authorization,
  authorizationLines,
  body,
  dpop,
  dpopLines,
  field,
  hosts,
  htu,
  padTo,
  proofClaims,
  target,
  withToken,
} from './changes.js';
import { encode, signJws } from './draft.js';
import { accepted, badProof, badRequest, badToken, type Row, rows, unauthenticated } from './row.js';

const malformed = badRequest('authorization_malformed');
/** Refused while nobody knows of a scheme: its error stands in every challenge all the same. */
const repeated = badRequest('authorization_repeated');

const NOT_DPOP: Readonly<Record<string, (token: string) => string>> = {
  'no space between scheme and token': (token) => `DPoP${token}`,
  'a tab between scheme and token': (token) => `DPoP\t${token}`,
  'a no-break space between scheme and token': (token) => `DPoP\xa0${token}`,
  'a comma after the scheme': (token) => `DPoP, ${token}`,
  'a colon after the scheme': (token) => `DPoP: ${token}`,
  'a quoted scheme': (token) => `"DPoP" ${token}`,
  'the token alone': (token) => token,
  Basic: () => `Basic ${Buffer.from(`${MARKER}:x`).toString('base64')}`,
  'an unknown scheme': (token) => `${MARKER} ${token}`,
  'DPoP-Token': (token) => `DPoP-Token ${token}`,
  MAC: (token) => `MAC id="${token}"`,
};

const NOT_TOKEN68: Readonly<Record<string, (token: string) => string>> = {
  'the scheme alone': () => 'DPoP',
  'two tokens': (token) => `DPoP ${token} ${token}`,
  'two tokens, joined with a comma': (token) => `DPoP ${token},${token}`,
  'two credentials, joined with a comma': (token) => `DPoP ${token}, DPoP ${token}`,
  'a comma after the token': (token) => `DPoP ${token},`,
  'a quoted token': (token) => `DPoP "${token}"`,
  'a parameter': (token) => `DPoP token="${token}"`,
  'an equals sign before the token': (token) => `DPoP =${token}`,
  'an equals sign within the token': (token) => `DPoP ${token.replace('.', '=.')}`,
  'a percent-encoded dot': (token) => `DPoP ${token.replace('.', '%2E')}`,
  'a semicolon': (token) => `DPoP ${token};${MARKER}`,
  'a colon': (token) => `DPoP ${MARKER}:${token}`,
  'an octet beyond ASCII at the end': (token) => `DPoP ${token}\xff`,
  'UTF-8 within the token': (token) => `DPoP ${token.replace('.', '\xc3\xa9.')}`,
  'a tab within the token': (token) => `DPoP ${token.replace('.', '\t.')}`,
  'curly brackets': () => 'DPoP {}',
  'an asterisk': () => 'DPoP *',
  'equals signs only': () => 'DPoP ==',
};

const transport: readonly Row[] = [
  {
    id: 'A1',
    what: 'a proof signed for http, where the origin is https',
    change: [htu('http://api.example.com/accounts')],
    expect: badProof('proof_htu'),
  },
  {
    id: 'A1',
    what: 'http beyond loopback, the origin taken from the request',
    on: 'origin-request',
    change: [hosts('api.example.com'), htu('http://api.example.com/accounts')],
    expect: badRequest('https_required'),
  },
  {
    id: 'A1',
    what: 'a host that only begins like loopback',
    on: 'origin-request',
    change: [hosts('127.0.0.1.example.com'), htu('http://127.0.0.1.example.com/accounts')],
    expect: badRequest('https_required'),
  },
  {
    id: 'A1',
    what: 'a host that only ends like localhost',
    on: 'origin-request',
    change: [hosts('notlocalhost'), htu('http://notlocalhost/accounts')],
    expect: badRequest('https_required'),
  },
  {
    id: 'A1',
    what: 'http beyond loopback behind a trusted proxy that says so',
    on: 'trusted-proxy',
    change: [field('X-Forwarded-Proto', 'http'), htu('http://api.example.com/accounts')],
    expect: badRequest('https_required'),
  },
  {
    id: 'A1',
    what: 'another port of a loopback origin',
    on: 'loopback',
    change: [htu('http://localhost:3001/accounts')],
    expect: badProof('proof_htu'),
  },
  {
    id: 'A1',
    what: 'https signed where the insecure origin is http',
    on: 'insecure-http',
    change: [htu('https://api.example.com/accounts')],
    expect: badProof('proof_htu'),
  },
];

const schemes: readonly Row[] = [
  ...['dpop', 'DPOP', 'dPoP', 'DPop'].map((scheme): Row => ({
    id: 'A2',
    what: `scheme in another case: ${scheme}`,
    change: [authorizationLines((token) => [`${scheme} ${token}`])],
    expect: accepted,
  })),
  ...[2, 7].map((count): Row => ({
    id: 'A2',
    what: `${count} spaces after the scheme`,
    change: [authorizationLines((token) => [`DPoP${' '.repeat(count)}${token}`])],
    expect: accepted,
  })),
  {
    id: 'A2',
    what: 'spaces around the credentials, which belong to the field line',
    change: [authorizationLines((token) => [`   DPoP ${token}   `])],
    expect: accepted,
  },
  {
    id: 'A2',
    what: 'the names of the fields in another case',
    change: [
      authorization((token) => [['AUTHORIZATION', `DPoP ${token}`]]),
      dpop((proof) => [['dpop', proof]]),
    ],
    expect: accepted,
  },
  ...rows(NOT_DPOP, (what, value) => ({
    id: 'A2',
    what: `not the scheme DPoP: ${what}`,
    change: [authorizationLines((token) => [value(token)])],
    expect: unauthenticated,
  })),
];

const token68 = rows(NOT_TOKEN68, (what, value) => ({
  id: 'A2',
  what: `no token68: ${what}`,
  change: [authorizationLines((token) => [value(token)])],
  expect: malformed,
}));

const elsewhere: readonly Row[] = [
  {
    id: 'A2',
    what: 'the token in Proxy-Authorization only',
    change: [authorization((token) => [['Proxy-Authorization', `DPoP ${token}`]])],
    expect: unauthenticated,
  },
  {
    id: 'A2',
    what: 'the token in the query only',
    change: [
      withToken((token) => ({ target: `/accounts?access_token=${token}` })),
      authorizationLines(() => []),
    ],
    expect: unauthenticated,
  },
  {
    id: 'A2',
    what: 'the token in the body only',
    from: [body('application/x-www-form-urlencoded', 'note=1'), proofClaims({ htm: 'POST' })],
    change: [withToken((token) => ({ body: `access_token=${token}` })), authorizationLines(() => [])],
    expect: unauthenticated,
  },
  {
    id: 'A2',
    what: 'the proof in the query only',
    change: [
      (draft) => ({ ...draft, target: `/accounts?DPoP=${signJws(draft.proof)}` }),
      dpopLines(() => []),
    ],
    expect: badProof('proof_missing'),
  },
  {
    id: 'A2',
    what: 'token and proof in cookies only',
    change: [
      field('Cookie', `access_token=${MARKER}; DPoP=${MARKER}`),
      authorizationLines(() => []),
      dpopLines(() => []),
    ],
    expect: unauthenticated,
  },
  {
    id: 'A2',
    what: 'Proxy-Authorization beside good credentials',
    change: [field('Proxy-Authorization', `Bearer ${MARKER}`)],
    expect: accepted,
  },
  {
    id: 'A2',
    what: 'another token in the query, beside good credentials',
    change: [target(`/accounts?access_token=${MARKER}`)],
    expect: accepted,
  },
  {
    id: 'A2',
    what: 'another token in the body, beside good credentials',
    change: [
      body('application/x-www-form-urlencoded', `access_token=${MARKER}`),
      proofClaims({ htm: 'POST' }),
    ],
    expect: accepted,
  },
];

const proofFields: readonly Row[] = [
  {
    id: 'A3',
    what: 'two DPoP lines with the same proof',
    change: [dpopLines((proof) => [proof, proof])],
    expect: badProof('proof_repeated'),
  },
  {
    id: 'A3',
    what: 'a second DPoP line with another proof',
    change: [dpopLines((proof) => [proof, `${encode('{}')}.${encode(MARKER)}.${encode('x')}`])],
    expect: badProof('proof_repeated'),
  },
  {
    id: 'A3',
    what: 'a first DPoP line with another text',
    change: [dpopLines((proof) => [MARKER, proof])],
    expect: badProof('proof_repeated'),
  },
  {
    id: 'A3',
    what: 'two DPoP lines whose names differ in case',
    change: [
      dpop((proof) => [
        ['DPoP', proof],
        ['dpop', proof],
      ]),
    ],
    expect: badProof('proof_repeated'),
  },
  {
    id: 'A3',
    what: 'twelve DPoP lines',
    change: [dpopLines((proof) => [proof, ...Array.from({ length: 11 }, () => MARKER)])],
    expect: badProof('proof_repeated'),
  },
  {
    id: 'A3',
    what: 'an empty DPoP line beside the good one',
    change: [dpopLines((proof) => [proof, ''])],
    expect: badProof('proof_repeated'),
  },
  {
    id: 'A3',
    what: 'two proofs joined with a comma',
    change: [dpopLines((proof) => [`${proof}, ${proof}`])],
    expect: badProof('proof_malformed'),
  },
  {
    id: 'A3',
    what: 'a comma after the proof',
    change: [dpopLines((proof) => [`${proof},`])],
    expect: badProof('proof_malformed'),
  },
  {
    id: 'A3',
    what: 'an empty DPoP line counts as none',
    change: [dpopLines(() => [''])],
    expect: badProof('proof_missing'),
  },
  {
    id: 'A3',
    what: 'a DPoP line of white space counts as none',
    change: [dpopLines(() => [' \t '])],
    expect: badProof('proof_missing'),
  },
  {
    id: 'A3',
    what: 'a proof under the name X-DPoP',
    change: [dpop((proof) => [['X-DPoP', proof]])],
    expect: badProof('proof_missing'),
  },
  {
    id: 'A3',
    what: 'a proof under the name DPoP-Proof beside the good one',
    change: [
      dpop((proof) => [
        ['DPoP', proof],
        ['DPoP-Proof', MARKER],
      ]),
    ],
    expect: accepted,
  },
];

const authorizationFields: readonly Row[] = [
  {
    id: 'A4',
    what: 'two Authorization lines with the same token',
    change: [authorizationLines((token) => [`DPoP ${token}`, `DPoP ${token}`])],
    expect: repeated,
  },
  {
    id: 'A4',
    what: 'a second Authorization line, which Node drops',
    change: [authorizationLines((token) => [`DPoP ${token}`, `DPoP ${MARKER}`])],
    expect: repeated,
  },
  {
    id: 'A4',
    what: 'DPoP first, then Bearer',
    change: [authorizationLines((token) => [`DPoP ${token}`, `Bearer ${token}`])],
    expect: repeated,
  },
  {
    id: 'A4',
    what: 'Basic first, then DPoP',
    change: [authorizationLines((token) => [`Basic ${MARKER}`, `DPoP ${token}`])],
    expect: repeated,
  },
  {
    id: 'A4',
    what: 'two Authorization lines whose names differ in case',
    change: [
      authorization((token) => [
        ['Authorization', `DPoP ${token}`],
        ['authorization', `DPoP ${token}`],
      ]),
    ],
    expect: repeated,
  },
  {
    id: 'A4',
    what: 'an empty Authorization line beside the good one',
    change: [authorizationLines((token) => [`DPoP ${token}`, ''])],
    expect: repeated,
  },
  {
    id: 'A4',
    what: 'Bearer and DPoP where both are offered: the error in both challenges (Fig. 19)',
    on: 'bearer',
    change: [authorizationLines((token) => [`Bearer ${token}`, `DPoP ${token}`])],
    expect: repeated,
  },
  {
    id: 'A4',
    what: 'an empty Authorization line is none',
    change: [authorizationLines(() => [''])],
    expect: unauthenticated,
  },
];

const sizes: readonly Row[] = [
  {
    id: 'A5',
    what: 'a proof of 8192 octets',
    change: [padTo('proof', 8192)],
    expect: accepted,
  },
  {
    id: 'A5',
    what: 'a proof of 8193 octets',
    change: [padTo('proof', 8193)],
    expect: badProof('proof_too_large'),
  },
  {
    id: 'A5',
    what: 'a token of 8192 octets',
    change: [padTo('token', 8192)],
    expect: accepted,
  },
  {
    id: 'A5',
    what: 'a token of 8193 octets',
    change: [padTo('token', 8193)],
    expect: badToken('token_too_large'),
  },
  {
    id: 'A5',
    what: 'a large text that is no proof: its size is looked at first',
    change: [dpopLines(() => ['.'.repeat(9000)])],
    expect: badProof('proof_too_large'),
  },
  {
    id: 'A5',
    what: 'a large text that is no token68: its size is looked at first',
    change: [authorizationLines(() => [`DPoP ${'"'.repeat(9000)}`])],
    expect: badToken('token_too_large'),
  },
];

export const credentials: readonly Row[] = [
  ...transport,
  ...schemes,
  ...token68,
  ...elsewhere,
  ...proofFields,
  ...authorizationFields,
  ...sizes,
];
