import { MARKER } from './baseline.js';
import {
  all,
  authorizationLines,
  body,
  dpop,
  dpopLines,
  field,
  method,
  proofClaims,
  proofHeader,
  proofHeaderOctets,
  proofPayloadOctets,
  target,
  tokenClaims,
  tokenCompact,
  tokenHeader,
  tokenPayloadOctets,
  version,
} from './changes.js';
import { encode } from './draft.js';
import { accepted, badProof, badRequest, badToken, refusedByServer, type Row, rows } from './row.js';

const LONG = MARKER.repeat(500);
const DEEP = 1400;

export const hostileBytes: readonly Row[] = [
  ...rows(
    {
      'octets beyond ASCII': `\xff\xfe\x80${MARKER}`,
      'UTF-8': `\xe2\x82\xac${MARKER}`,
      'a quotation mark and a backslash': `"\\${MARKER}`,
      'text that looks like a challenge': `", error="x", Bearer realm="${MARKER}`,
      HTML: `<script>${MARKER}</script>`,
      'a text of 5000 characters': LONG,
      'commas only': ',,,,,',
      'the name of a prototype': '__proto__',
    },
    (what, value): Row => ({
      id: 'D5',
      what: `DPoP holds ${what}`,
      change: [dpopLines(() => [value])],
      expect: badProof('proof_malformed'),
    }),
  ),
  ...rows(
    {
      'octets beyond ASCII': `\xff\xfe\x80${MARKER}`,
      'a quotation mark and a backslash': `"\\${MARKER}`,
      'text that looks like a challenge': `", error="x", Bearer realm="${MARKER}`,
      HTML: `<script>${MARKER}</script>`,
    },
    (what, value): Row => ({
      id: 'D5',
      what: `the token holds ${what}`,
      change: [authorizationLines(() => [`DPoP ${value}`])],
      expect: badRequest('authorization_malformed'),
    }),
  ),
  ...rows(
    {
      'a text of 5000 characters': LONG,
      'the name of a prototype': '__proto__',
      'a JSON bomb without a signature': `e30.${encode('['.repeat(3000))}.e30`,
      'a JSON object of prototypes': `e30.${encode('{"__proto__":{"iss":"x"},"constructor":{}}')}.e30`,
    },
    (what, value): Row => ({
      id: 'D5',
      what: `the token is ${what}`,
      change: [authorizationLines(() => [`DPoP ${value}`])],
      expect: badToken('token_invalid'),
    }),
  ),
  ...rows(
    {
      'NUL in DPoP': dpopLines((proof) => [`${proof}\0`]),
      'NUL in Authorization': authorizationLines((token) => [`DPoP ${token}\0`]),
      'a bare carriage return in DPoP': dpopLines((proof) => [`${proof}\rX: y`]),
      'DEL in DPoP': dpopLines((proof) => [`${proof}\x7f`]),
      'a control character in Authorization': authorizationLines((token) => [`DPoP \x01${token}`]),
      'octets beyond ASCII in the target': target('/accounts\xff\xfe'),
      'a proof folded over two lines': dpopLines((proof) => [proof.replace('.', '.\r\n ')]),
      'a token folded over two lines': authorizationLines((token) => [`DPoP\r\n ${token}`]),
      'a line without a colon': dpopLines((proof) => [`${proof}\r\n${MARKER}`]),
      'a bare line feed after DPoP, and another line': dpopLines((proof) => [`${proof}\nX: ${MARKER}`]),
      'a space before the colon': dpop((proof) => [['DPoP ', proof]]),
      'an empty name': dpop((proof) => [['', proof]]),
      'two ways to tell the length': all(
        body('application/x-www-form-urlencoded', '0\r\n\r\n'),
        field('Transfer-Encoding', 'chunked'),
      ),
      'two lengths': all(body('application/x-www-form-urlencoded', 'a=b'), field('Content-Length', '4')),
      'a version that is none': version('HTTP/9.9'),
      'no version': version(''),
      'a method that nobody knows': method('GETT'),
      'a method in lower case': method('get'),
    },
    (what, change): Row => ({ id: 'D5', what, change: [change], expect: refusedByServer(400) }),
  ),
  {
    id: 'D5',
    what: 'more headers than Node takes',
    change: [field('X-Long', MARKER.repeat(2000))],
    expect: refusedByServer(431),
  },
  ...rows(
    {
      'an array that is 1400 deep': proofPayloadOctets((json) =>
        json.replace('{', `{"deep":${'['.repeat(DEEP)}${']'.repeat(DEEP)},`),
      ),
      'a claim named __proto__': proofPayloadOctets((json) =>
        json.replace('{', '{"__proto__":{"htm":"POST"},'),
      ),
      'a header parameter named __proto__': proofHeaderOctets((json) =>
        json.replace('{', '{"__proto__":{"crit":["x"],"b64":false},'),
      ),
      'claims named as the methods of objects': proofPayloadOctets((json) =>
        json.replace(
          '{',
          '{"toString":1,"valueOf":1,"hasOwnProperty":1,"constructor":1,"toJSON":1,"then":1,',
        ),
      ),
      'a claim of 5000 characters': proofClaims({ note: LONG }),
      'four hundred claims': proofPayloadOctets((json) =>
        json.replace('{', `{${Array.from({ length: 400 }, (_, index) => `"${index}":0,`).join('')}`),
      ),
      'lone surrogates in jti': proofPayloadOctets((json) => json.replace(MARKER, '\\ud800\\udfff\\ud800')),
      'claims of the token named as the methods of objects': tokenPayloadOctets((json) =>
        json.replace(
          '{',
          '{"toString":1,"valueOf":1,"hasOwnProperty":1,"constructor":1,"toJSON":1,"then":1,',
        ),
      ),
      'a claim of the token that is 1400 deep': tokenPayloadOctets((json) =>
        json.replace('{', `{"deep":${'['.repeat(DEEP)}${']'.repeat(DEEP)},`),
      ),
      'a claim of the token named __proto__': tokenPayloadOctets((json) =>
        json.replace('{', '{"__proto__":{"cnf":{"jkt":"x"}},'),
      ),
    },
    (what, change): Row => ({ id: 'D5', what: `ignored: ${what}`, change: [change], expect: accepted }),
  ),
  ...rows(
    {
      'an array that is 1400 deep': '['.repeat(DEEP) + ']'.repeat(DEEP),
      'an object that is 500 deep': '{"a":'.repeat(500) + '1' + '}'.repeat(500),
      'brackets without an end': '['.repeat(2 * DEEP),
    },
    (what, json): Row => ({
      id: 'D5',
      what: `payload of the proof: ${what}`,
      change: [proofPayloadOctets(() => json)],
      expect: badProof(json.startsWith('{') ? 'proof_claims' : 'proof_malformed'),
    }),
  ),
  ...rows(
    {
      'an array that is 1400 deep': '['.repeat(DEEP) + ']'.repeat(DEEP),
      'brackets without an end': '['.repeat(2 * DEEP),
    },
    (what, json): Row => ({
      id: 'D5',
      what: `header of the proof: ${what}`,
      change: [proofHeaderOctets(() => json)],
      expect: badProof('proof_malformed'),
    }),
  ),
  {
    id: 'D5',
    what: 'a jwk that is 500 objects deep',
    change: [
      proofHeaderOctets((json) =>
        json
          .replace('"jwk":{', `"jwk":{"a":${'{"a":'.repeat(500)}1${'}'.repeat(500)},"kty":"x","no":{`)
          .replace(/}$/, '}}'),
      ),
    ],
    expect: badProof('proof_jwk'),
  },
  {
    id: 'D5',
    what: 'a jwk with a member named __proto__ that is private',
    change: [
      proofHeaderOctets((json) =>
        json.replace('"jwk":{', `"jwk":{"__proto__":{"d":"${MARKER}","kty":"oct"},`),
      ),
    ],
    expect: accepted,
  },
  {
    id: 'D5',
    what: 'a jwk whose members are below __proto__',
    change: [
      proofHeaderOctets((json) => json.replace('"jwk":{', '"jwk":{"__proto__":{').replace(/}$/, '}}')),
    ],
    expect: badProof('proof_jwk'),
  },
  {
    id: 'D5',
    what: 'text of the client in every place at once',
    change: [
      all(
        proofHeader({ typ: MARKER, alg: MARKER, jwk: { kty: MARKER }, kid: MARKER }),
        proofClaims({ jti: MARKER, htm: MARKER, htu: MARKER, iat: MARKER, ath: MARKER, nonce: MARKER }),
        field('Referer', `https://${MARKER}.example`),
      ),
    ],
    expect: badProof('proof_typ'),
  },
  {
    id: 'D5',
    what: 'text of the client in every place of the token',
    change: [
      tokenHeader({ kid: MARKER, alg: MARKER, typ: MARKER }),
      tokenClaims({ iss: MARKER, aud: MARKER, scope: MARKER, exp: MARKER }),
    ],
    expect: badToken('token_issuer'),
  },
  {
    id: 'D5',
    what: 'text of the client as the whole token',
    change: [tokenCompact(() => `${MARKER}.${MARKER}.${MARKER}`)],
    expect: badToken('token_invalid'),
  },
];
