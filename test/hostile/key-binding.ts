import { hash } from 'node:crypto';
import { MARKER } from './baseline.js';
import {
  all,
  clientKey,
  proofHeader,
  proofSignedBy,
  tokenClaims,
  tokenHeader,
  tokenPayloadOctets,
} from './changes.js';
import { clients, thumbprintOf } from './keys.js';
import { accepted, badToken, type Row, rows } from './row.js';

const jkt = thumbprintOf(clients.es256.publicJwk);
const unbound = badToken('token_unbound');

const CNF: Readonly<Record<string, unknown>> = {
  missing: undefined,
  null: null,
  'an array': [{ jkt }],
  'a string': jkt,
  'a number': 1,
  true: true,
  'an empty object': {},
  'with an empty jkt': { jkt: '' },
  'with jkt null': { jkt: null },
  'with a number for jkt': { jkt: 7 },
  'with an array for jkt': { jkt: [jkt] },
  'with an object for jkt': { jkt: { jkt } },
  'with a certificate only': { 'x5t#S256': jkt },
  'with a key in place of its thumbprint': { jwk: clients.es256.publicJwk },
  'with jkt in another case': { JKT: jkt },
};

export const keyBinding: readonly Row[] = [
  ...rows(CNF, (what, cnf) => ({
    id: 'B2',
    what: `cnf ${what}`,
    change: [tokenClaims({ cnf })],
    expect: unbound,
  })),
  ...rows(
    {
      'cnf in act only': tokenClaims({ cnf: undefined, act: { sub: MARKER, cnf: { jkt } } }),
      'jkt at the top level only': tokenClaims({ cnf: undefined, jkt }),
      'cnf in the header only': all(tokenClaims({ cnf: undefined }), tokenHeader({ cnf: { jkt } })),
      'cnf below __proto__ only': tokenPayloadOctets((json) => json.replace('"cnf":', '"__proto__":')),
      'jkt below __proto__ only': tokenPayloadOctets((json) => json.replace('"jkt":', '"__proto__":')),
    },
    (what, change) => ({ id: 'B2', what, change: [change], expect: unbound }),
  ),
  {
    id: 'B2',
    what: 'members beside jkt that are not registered',
    change: [tokenClaims({ cnf: { jkt, x5t: MARKER, 'X5T#S256': MARKER, vendor: { kid: MARKER } } })],
    expect: accepted,
  },
  {
    id: 'B2',
    what: 'cnf of an actor beside the right one',
    change: [tokenClaims({ act: { cnf: { jkt: MARKER } } })],
    expect: accepted,
  },
  ...rows(
    {
      'a thumbprint in base64': Buffer.from(jkt, 'base64url').toString('base64'),
      'a thumbprint with padding': `${jkt}=`,
      'a thumbprint in hex': Buffer.from(jkt, 'base64url').toString('hex'),
      'a thumbprint in another case': jkt.toLowerCase(),
      'a thumbprint with a space': `${jkt} `,
      'a thumbprint cut short': jkt.slice(0, -1),
      'a thumbprint as a URN': `urn:ietf:params:oauth:jwk-thumbprint:sha-256:${jkt}`,
      'a thumbprint by SHA-512': hash('sha512', JSON.stringify(clients.es256.publicJwk), 'base64url'),
      'the thumbprint of another client': thumbprintOf(clients.other.publicJwk),
      'a thumbprint of all members': hash(
        'sha256',
        JSON.stringify({ ...clients.es256.publicJwk, kid: '1' }),
        'base64url',
      ),
      'the name of a prototype': '__proto__',
    },
    (what, value) => ({
      id: 'B3',
      what: `bound to ${what}`,
      change: [tokenClaims({ cnf: { jkt: value } })],
      expect: badToken('key_binding'),
    }),
  ),
  {
    id: 'B3',
    what: "a stolen token with the thief's own key and a right proof of it",
    change: [proofHeader({ jwk: clients.other.publicJwk }), proofSignedBy(clients.other)],
    expect: badToken('key_binding'),
  },
  {
    id: 'B3',
    what: "the thief's own key under the kid of the client's",
    change: [
      proofHeader({ jwk: { ...clients.other.publicJwk, kid: jkt }, kid: jkt }),
      proofSignedBy(clients.other),
    ],
    expect: badToken('key_binding'),
  },
  {
    id: 'B3',
    what: "the thief's own key of another kind",
    change: [proofHeader({ alg: 'Ed25519', jwk: clients.ed25519.publicJwk }), proofSignedBy(clients.ed25519)],
    expect: badToken('key_binding'),
  },
  {
    id: 'B3',
    what: 'members beside the required ones, which no thumbprint counts',
    change: [proofHeader({ jwk: { kid: MARKER, use: 'sig', ...clients.es256.publicJwk } })],
    expect: accepted,
  },
  ...[clients.es384, clients.es512, clients.rs256, clients.ps256, clients.ed25519, clients.eddsa].map(
    (key): Row => ({
      id: 'B3',
      what: `a client with a key for ${key.alg}`,
      change: [clientKey(key)],
      expect: accepted,
    }),
  ),
];
