import { MARKER } from './baseline.js';
import {
  all,
  proofClaims,
  proofCompact,
  proofHeader,
  proofHeaderOctets,
  proofPayloadOctets,
} from './changes.js';
import { proofRows } from './proof-rows.js';
import { accepted, badProof, type Row, rows } from './row.js';

const malformed = badProof('proof_malformed');

const wellFormed = proofRows('C2', malformed, {
  'one part': proofCompact((header) => header),
  'two parts': proofCompact((header, payload) => `${header}.${payload}`),
  'two parts and a dot': proofCompact((header, payload) => `${header}.${payload}.`),
  'four parts': proofCompact(
    (header, payload, signature) => `${header}.${payload}.${signature}.${signature}`,
  ),
  'five parts, as a JWE': proofCompact(
    (header, payload, signature) => `${header}.${signature}.${signature}.${payload}.${signature}`,
  ),
  'an empty header': proofCompact((_, payload, signature) => `.${payload}.${signature}`),
  'an empty payload': proofCompact((header, _, signature) => `${header}..${signature}`),
  'dots only': proofCompact(() => '..'),
  'no JWT': proofCompact(() => MARKER),
  'a space within': proofCompact((header, payload, signature) => `${header}. ${payload}.${signature}`),
  'a tab within': proofCompact((header, payload, signature) => `${header}.\t${payload}.${signature}`),
  'padding after the header': proofCompact(
    (header, payload, signature) => `${header}=.${payload}.${signature}`,
  ),
  'padding after the signature': proofCompact(
    (header, payload, signature) => `${header}.${payload}.${signature}==`,
  ),
  'the alphabet of base64': proofCompact(
    (header, payload, signature) => `${header}.${payload}.+/${signature.slice(2)}`,
  ),
  'an octet beyond ASCII': proofCompact(
    (header, payload, signature) => `${header}\xe9.${payload}.${signature}`,
  ),
  'a signature whose last character encodes nothing': proofCompact(
    (header, payload, signature) => `${header}.${payload}.${signature.slice(0, -1)}`,
  ),
  quoted: proofCompact((header, payload, signature) => `"${header}.${payload}.${signature}"`),
  'with a scheme': proofCompact((header, payload, signature) => `DPoP ${header}.${payload}.${signature}`),
  'in JSON serialization': proofCompact((header, payload, signature) =>
    JSON.stringify({ protected: header, payload, signature }),
  ),
  'percent-encoded dots': proofCompact(
    (header, payload, signature) => `${header}%2E${payload}%2E${signature}`,
  ),
  'a header that is no JSON': proofHeaderOctets((json) => json.slice(0, -1)),
  'a header with text after it': proofHeaderOctets((json) => `${json}x`),
  'a header in an array': proofHeaderOctets((json) => `[${json}]`),
  'a header that is null': proofHeaderOctets(() => 'null'),
  'a header that is a string': proofHeaderOctets((json) => JSON.stringify(json)),
  'a header that is a number': proofHeaderOctets(() => '1'),
  'a header with single quotes': proofHeaderOctets((json) => json.replaceAll('"', "'")),
  'a header with a comment': proofHeaderOctets((json) => `/* ${MARKER} */${json}`),
  'a header with a comma too many': proofHeaderOctets((json) => json.replace(/}$/, ',}')),
  'a header after a byte order mark': proofHeaderOctets((json) => `\ufeff${json}`),
  'a header in UTF-16': proofHeaderOctets((json) => Buffer.from(json, 'utf16le')),
  'a payload that is no JSON': proofPayloadOctets((json) => json.slice(1)),
  'a payload in an array': proofPayloadOctets((json) => `[${json}]`),
  'a payload that is null': proofPayloadOctets(() => 'null'),
  'a payload that is true': proofPayloadOctets(() => 'true'),
  'a payload that is a string': proofPayloadOctets((json) => JSON.stringify(json)),
  'a payload that is a number': proofPayloadOctets(() => '1e400'),
  'a payload of white space': proofPayloadOctets(() => '   '),
  'a payload after a byte order mark': proofPayloadOctets((json) => `\ufeff${json}`),
  'a payload with a raw control character': proofPayloadOctets((json) =>
    json.replace(MARKER, `${MARKER}\u0001`),
  ),
  'a payload that is no UTF-8': proofPayloadOctets((json) =>
    Buffer.from(json.replace('{', '{"note":"\xff\xfe",'), 'latin1'),
  ),
  'a header that is no UTF-8': proofHeaderOctets((json) =>
    Buffer.from(json.replace('{', '{"note":"\xff\xfe",'), 'latin1'),
  ),
  'a payload with an overlong encoding': proofPayloadOctets((json) =>
    Buffer.from(json.replace('{', '{"note":"\xc0\xaf",'), 'latin1'),
  ),
});

const critical: readonly Row[] = [
  ...proofRows('C2', badProof('proof_crit'), {
    'crit that nobody knows': proofHeader({ crit: [MARKER], [MARKER]: 1 }),
    'crit of a registered parameter': proofHeader({ crit: ['exp'], exp: 1 }),
    'crit empty': proofHeader({ crit: [] }),
    'crit null': proofHeader({ crit: null }),
    'crit a string': proofHeader({ crit: 'b64' }),
    'unencoded payload': proofHeader({ b64: false, crit: ['b64'] }),
    'unencoded payload, not critical': proofHeader({ b64: false }),
  }),
  ...proofRows('C2', accepted, {
    'members that nobody knows': all(
      proofHeader({ [MARKER]: [MARKER] }),
      proofClaims({ [MARKER]: { a: null } }),
    ),
    'white space in the JSON': all(
      proofHeaderOctets((json) => JSON.stringify(JSON.parse(json), undefined, '\t')),
      proofPayloadOctets((json) => ` ${json}\r\n`),
    ),
  }),
];

const types: readonly Row[] = [
  ...rows<unknown>(
    {
      missing: undefined,
      null: null,
      empty: '',
      JWT: 'JWT',
      'at+jwt': 'at+jwt',
      'dpop+JWT': 'dpop+JWT',
      'DPoP+JWT': 'DPoP+JWT',
      'application/dpop+jwt': 'application/dpop+jwt',
      'with a space before': ' dpop+jwt',
      'with a space after': 'dpop+jwt ',
      'with NUL after': 'dpop+jwt\0',
      'in an array': ['dpop+jwt'],
      'an object': { toString: 'dpop+jwt' },
      'a text of the client': MARKER,
    },
    (what, typ) => ({
      id: 'C4',
      what: `typ ${what}`,
      change: [proofHeader({ typ })],
      expect: badProof('proof_typ'),
    }),
  ),
  ...proofRows('C4', badProof('proof_typ'), {
    'typ below __proto__ only': proofHeaderOctets((json) =>
      json.replace('"typ":"dpop+jwt"', '"__proto__":{"typ":"dpop+jwt"}'),
    ),
    'typ in another case of the name': proofHeaderOctets((json) => json.replace('"typ"', '"TYP"')),
    'typ in the payload only': all(proofHeader({ typ: undefined }), proofClaims({ typ: 'dpop+jwt' })),
  }),
];

export const proofForm: readonly Row[] = [...wellFormed, ...critical, ...types];
