import { MARKER, now, ORIGIN } from './baseline.js';
import {
  all,
  asBearer,
  authorizationLines,
  type Change,
  body,
  clientKey,
  dpop,
  dpopLines,
  field,
  htu,
  method,
  nonce,
  path,
  proofClaims,
  proofHeader,
  proofHeaderOctets,
  proofPayloadOctets,
  target,
  tokenClaims,
  tokenCompact,
  tokenHeader,
  tokenPayloadOctets,
  tokenSignedBy,
  version,
} from './changes.js';
import { encode } from './draft.js';
import { clients, issuers } from './keys.js';
import {
  accepted,
  badBearer,
  badProof,
  badRequest,
  badToken,
  needsNonce,
  refused,
  refusedByServer,
  type Row,
  rows,
  unauthenticated,
  unavailable,
} from './row.js';

const seconds = Math.floor(now());
const bare: readonly Change[] = [authorizationLines(() => []), dpopLines(() => [])];

const challenges: readonly Row[] = [
  { id: 'D1', what: 'no credentials (Fig. 15)', change: bare, expect: unauthenticated },
  {
    id: 'D1',
    what: 'no credentials where Bearer is offered, too (Fig. 17)',
    on: 'bearer',
    change: bare,
    expect: unauthenticated,
  },
  {
    id: 'D1',
    what: 'no credentials where nonces are required',
    on: 'nonce',
    change: bare,
    expect: unauthenticated,
  },
  {
    id: 'D1',
    what: 'no credentials, fewer algorithms',
    on: 'only-es256',
    change: bare,
    expect: unauthenticated,
  },
  { id: 'D1', what: 'a proof and no token', change: [authorizationLines(() => [])], expect: unauthenticated },
  {
    id: 'D2',
    what: 'the scheme DPoP without a proof, where Bearer is offered, too',
    on: 'bearer',
    change: [dpopLines(() => [])],
    expect: badProof('proof_missing'),
  },
  {
    id: 'D2',
    what: 'a proof of nobody where nonces are required: the proof is at fault, not its nonce',
    on: 'nonce',
    change: [proofClaims({ htm: 'POST' })],
    expect: badProof('proof_htm'),
  },
  {
    id: 'D3',
    what: 'a bad token in the scheme DPoP, where Bearer is offered, too',
    on: 'bearer',
    change: [tokenSignedBy(issuers.rogue)],
    expect: badToken('token_invalid'),
  },
  {
    id: 'D3',
    what: 'a bad proof where Bearer is offered, too',
    on: 'bearer',
    change: [proofHeader({ typ: 'JWT' })],
    expect: badProof('proof_typ'),
  },
  {
    id: 'D3',
    what: 'two DPoP lines where Bearer is offered, too',
    on: 'bearer',
    change: [dpopLines((proof) => [proof, proof])],
    expect: badProof('proof_repeated'),
  },
  {
    id: 'D3',
    what: 'a malformed Authorization where Bearer is offered, too: the error in both challenges',
    on: 'bearer',
    change: [authorizationLines((token) => [`DPoP ${token} ${token}`])],
    expect: badRequest('authorization_malformed'),
  },
  {
    id: 'D3',
    what: 'a malformed Bearer token where it is offered: the error in both challenges',
    on: 'bearer',
    from: asBearer,
    fromScheme: 'Bearer',
    change: [authorizationLines((token) => [`Bearer ${token} ${token}`])],
    expect: refused('invalid_request', 'authorization_malformed', { used: 'Bearer' }),
  },
  {
    id: 'D3',
    what: 'realm and resource_metadata in a challenge without an error',
    on: 'realm',
    change: bare,
    expect: unauthenticated,
  },
  {
    id: 'D3',
    what: 'realm and resource_metadata beside an error',
    on: 'realm',
    change: [proofHeader({ typ: 'JWT' })],
    expect: badProof('proof_typ'),
  },
  {
    id: 'D3',
    what: 'realm and resource_metadata beside an error of Bearer',
    on: 'realm',
    change: [authorizationLines((token) => [`Bearer ${token}`])],
    expect: badBearer('bound_token_as_bearer'),
  },
  {
    id: 'D3',
    what: 'the algorithms of a service that accepts one',
    on: 'only-es256',
    change: [proofHeader({ typ: 'JWT' })],
    expect: badProof('proof_typ'),
  },
  {
    id: 'D4',
    what: 'a demand for a nonce where Bearer is offered, too, is a lone DPoP challenge',
    on: 'bearer',
    from: [path('/nonce'), nonce(({ present }) => present)],
    change: [proofClaims({ nonce: undefined })],
    expect: needsNonce('nonce_missing'),
  },
  {
    id: 'D4',
    what: 'a demand for a nonce with realm and resource_metadata is a lone DPoP challenge',
    on: 'realm',
    from: [path('/nonce'), nonce(({ present }) => present)],
    change: [proofClaims({ nonce: undefined })],
    expect: needsNonce('nonce_missing'),
  },
];

const scope = { scope: 'accounts:write' };
const stepUp = { acr_values: 'phr phrh', max_age: '300' };
const lacksScope = refused('insufficient_scope', 'scope_insufficient', { parameters: scope });
const lacksAuthentication = refused('insufficient_user_authentication', 'authentication_insufficient', {
  parameters: stepUp,
});

const policies: readonly Row[] = [
  ...rows<unknown>(
    {
      'another scope': 'accounts:read',
      'no scope': undefined,
      'an empty scope': '',
      'scope null': null,
      'a scope that ours begins': 'accounts:write2',
      'a scope that begins ours': 'accounts:writ',
      'a scope in another case': 'ACCOUNTS:WRITE',
      'scopes joined with a comma': 'accounts:read,accounts:write',
      'scopes joined with a tab': 'accounts:read\taccounts:write',
      'a scope that is a number': 1,
      'scopes in an object': { 'accounts:write': true },
      'scopes nested in arrays': [['accounts:write']],
    },
    (what, value) => ({
      id: 'D2',
      what: `a token with ${what}`,
      from: [path('/scoped')],
      change: [tokenClaims({ scope: value })],
      expect: lacksScope,
    }),
  ),
  {
    id: 'D2',
    what: 'a token that lacks the scope, where Bearer is offered, too',
    on: 'bearer',
    from: [path('/scoped')],
    change: [tokenClaims({ scope: 'accounts:read' })],
    expect: lacksScope,
  },
  {
    id: 'D2',
    what: 'a Bearer token that lacks the scope',
    on: 'bearer',
    from: [...asBearer, path('/scoped')],
    fromScheme: 'Bearer',
    change: [tokenClaims({ scope: 'accounts:read' })],
    expect: { ...lacksScope, used: 'Bearer' },
  },
  {
    id: 'D2',
    what: 'a token that lacks the scope, with a bad proof: the proof comes first',
    from: [path('/scoped')],
    change: [tokenClaims({ scope: '' }), proofHeader({ typ: 'JWT' })],
    expect: badProof('proof_typ'),
  },
  ...rows<unknown>(
    {
      'of a weaker class': { acr: 'pwd' },
      'of no class': { acr: undefined },
      'of classes in an array': { acr: ['phr'] },
      'of a class in another case': { acr: 'PHR' },
      'of a class that ours begins': { acr: 'phr2' },
      'that tells no time': { auth_time: undefined },
      'whose time is a string': { auth_time: String(seconds) },
      'whose time is null': { auth_time: null },
      'of too long ago': { auth_time: seconds - 300 },
      'of long ago': { auth_time: 0 },
    },
    (what, members) => ({
      id: 'D2',
      what: `an authentication ${what}`,
      from: [path('/step-up')],
      change: [tokenClaims(members as Readonly<Record<string, unknown>>)],
      expect: lacksAuthentication,
    }),
  ),
  {
    id: 'D2',
    what: 'an authentication of the other class, just in time',
    from: [path('/step-up')],
    change: [tokenClaims({ acr: 'phrh', auth_time: seconds - 299 })],
    expect: accepted,
  },
];

const LONG = MARKER.repeat(500);
const DEEP = 1400;

const bytes: readonly Row[] = [
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

const browsers: readonly Row[] = [
  ...rows(
    {
      'no credentials': all(...bare),
      'a bad proof': proofHeader({ typ: 'JWT' }),
    },
    (what, change): Row => ({
      id: 'D7',
      what: `from a script of another origin: ${what}`,
      on: 'cors',
      from: [field('Origin', 'https://app.example.com')],
      change: [change],
      expect: what === 'no credentials' ? unauthenticated : badProof('proof_typ'),
    }),
  ),
  {
    id: 'D7',
    what: 'from a script of another origin: an unknown nonce',
    on: 'cors',
    from: [field('Origin', 'https://app.example.com')],
    change: [proofClaims({ nonce: MARKER })],
    expect: needsNonce('nonce_unacceptable'),
  },
];

const infrastructure: readonly Row[] = [
  ...rows(
    { 'that breaks down': clients.unlucky, 'that answers nonsense': clients.puzzling },
    (what, key): Row => ({
      id: 'D8',
      what: `a replay store ${what}`,
      on: 'infrastructure',
      change: [clientKey(key)],
      expect: unavailable,
    }),
  ),
  {
    id: 'D8',
    what: 'a bad proof while the replay store is down: the client is told what it did',
    on: 'infrastructure',
    change: [clientKey(clients.unlucky), htu(`${ORIGIN}/other`)],
    expect: badProof('proof_htu'),
  },
];

export const sectionD: readonly Row[] = [
  ...challenges,
  ...policies,
  ...bytes,
  ...browsers,
  ...infrastructure,
];
