import { hash } from 'node:crypto';
import { AUDIENCE, MARKER, now, ORIGIN } from './baseline.js';
import {
  all,
  type Change,
  field,
  hosts,
  htu,
  method,
  nonce,
  path,
  proofClaims,
  proofPayloadOctets,
  target,
  tokenClaims,
  version,
} from './changes.js';
import type { ConfigurationName } from './configurations.js';
import { athOf, signJws } from './draft.js';
import { accepted, badProof, badRequest, refusedByServer, type Row, rows } from './row.js';

type Changes = Readonly<Record<string, Change>>;

const claimRows = (
  id: string,
  expect: Row['expect'],
  changes: Changes,
  on: ConfigurationName = 'default',
): readonly Row[] => rows(changes, (what, change) => ({ id, what, on, change: [change], expect }));

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

const wrongUri = badProof('proof_htu');

const HTU_REFUSED: Readonly<Record<string, string>> = {
  relative: '/accounts',
  'without a scheme': '//api.example.com/accounts',
  'a path without a slash': 'accounts',
  'the host without a scheme': 'api.example.com/accounts',
  'of another host': 'https://other.example.com/accounts',
  'of the parent domain': 'https://example.com/accounts',
  'of a subdomain': 'https://x.api.example.com/accounts',
  'of a host that ours begins': `https://api.example.com.${MARKER}.example/accounts`,
  'of a host that ours ends': 'https://xapi.example.com/accounts',
  'of a host with a dot at the end': 'https://api.example.com./accounts',
  'of a host in full width': 'https://ａｐｉ.example.com/accounts',
  'of a host with an ideographic full stop': 'https://api。example.com/accounts',
  'of another port': 'https://api.example.com:8443/accounts',
  'of the port of http': 'https://api.example.com:80/accounts',
  'of a port beyond all': 'https://api.example.com:65979/accounts',
  'of a port that is no number': 'https://api.example.com:x/accounts',
  'of a negative port': 'https://api.example.com:-443/accounts',
  'of two ports': 'https://api.example.com:443:443/accounts',
  'with scheme http': 'http://api.example.com/accounts',
  'with scheme http and port 443': 'http://api.example.com:443/accounts',
  'with scheme wss': 'wss://api.example.com/accounts',
  'with scheme ftp': 'ftp://api.example.com/accounts',
  'with a nested scheme': 'view-source:https://api.example.com/accounts',
  'a javascript URI': 'javascript://api.example.com/accounts',
  'a data URI': 'data:,https://api.example.com/accounts',
  'a URN': 'urn:example:accounts',
  'with userinfo': `https://${MARKER}@api.example.com/accounts`,
  'with user and password': `https://${MARKER}:x@api.example.com/accounts`,
  'with an empty userinfo': 'https://@api.example.com/accounts',
  'with our host as userinfo': `https://api.example.com@${MARKER}.example/accounts`,
  'with our host after a fragment': `https://${MARKER}.example#@api.example.com/accounts`,
  'with our host after a backslash': `https://${MARKER}.example\\@api.example.com/accounts`,
  'of another path': 'https://api.example.com/account',
  'of a path below': 'https://api.example.com/accounts/1',
  'of a path above': 'https://api.example.com/',
  'without a path': 'https://api.example.com',
  'with a slash at the end': 'https://api.example.com/accounts/',
  'with two slashes': 'https://api.example.com//accounts',
  'in another case of the path': 'https://api.example.com/Accounts',
  'with a path parameter': 'https://api.example.com/accounts;v=1',
  'with an escaped slash': 'https://api.example.com%2Faccounts',
  'with an escaped slash in the path': 'https://api.example.com/%2Faccounts',
  'escaped twice': 'https://api.example.com/%2561ccounts',
  'with an escape cut short': 'https://api.example.com/accounts%',
  'with an escape of no hex': 'https://api.example.com/accounts%zz',
  'with an escaped NUL': 'https://api.example.com/accounts%00',
  'with an escaped question mark': 'https://api.example.com/accounts%3Fa',
  'with an escaped space': 'https://api.example.com/accounts%20',
  'with one slash': 'https:/api.example.com/accounts',
  'with no slash': 'https:api.example.com/accounts',
  'with three slashes': 'https:///api.example.com/accounts',
  'with backslashes': 'https:\\\\api.example.com\\accounts',
  'with a backslash before the path': 'https://api.example.com\\accounts',
  'with a space before': ' https://api.example.com/accounts',
  'with a space after': 'https://api.example.com/accounts ',
  'with a space within': 'https://api.example.com/acc ounts',
  'with a tab within': 'https://api.example.com/acc\tounts',
  'with a tab within the scheme': 'ht\ttps://api.example.com/accounts',
  'with a line feed': 'https://api.example.com/accounts\n',
  'with CRLF and a field': 'https://api.example.com/accounts\r\nX: y',
  'with NUL': 'https://api.example.com/accounts\0',
  'with DEL': 'https://api.example.com/accounts\x7f',
  'with a control character before': '\x01https://api.example.com/accounts',
  'with a byte order mark before': '\ufeffhttps://api.example.com/accounts',
  'with letters beyond ASCII': 'https://api.example.com/accounts/é',
  'with a dot segment that leads elsewhere': 'https://api.example.com/accounts/..',
  'with an escaped dot segment that leads elsewhere': 'https://api.example.com/accounts/%2e%2e',
  'two of them': 'https://api.example.com/accounts,https://api.example.com/accounts',
  'in angle brackets': '<https://api.example.com/accounts>',
  'a wildcard': '*',
  'with a host that is a wildcard': 'https://*.example.com/accounts',
  'with an empty host': 'https:///accounts',
  'with an IPv6 host that is none': 'https://[api.example.com]/accounts',
};

const HTU_ACCEPTED: Readonly<Record<string, string>> = {
  'with a query': 'https://api.example.com/accounts?a=b',
  'with an empty query': 'https://api.example.com/accounts?',
  'with a fragment': 'https://api.example.com/accounts#a',
  'with a query and a fragment': 'https://api.example.com/accounts?a=/b#c?d',
  'with the default port': 'https://api.example.com:443/accounts',
  'with an empty port': 'https://api.example.com:/accounts',
  'in another case of the scheme': 'HTTPS://api.example.com/accounts',
  'in another case of the host': 'https://API.Example.COM/accounts',
  'with an unreserved character escaped': 'https://api.example.com/%61ccounts',
  'with an unreserved character of the host escaped': 'https://api%2Eexample.com/accounts',
  'with a dot segment': 'https://api.example.com/./accounts',
  'with dot segments that lead back': 'https://api.example.com/a/../accounts',
  'with escaped dot segments that lead back': 'https://api.example.com/a/%2E%2e/accounts',
  'with dot segments beyond the root': 'https://api.example.com/../../accounts',
};

const uris: readonly Row[] = [
  ...rows(HTU_REFUSED, (what, value) => ({
    id: 'C9',
    what: `htu ${what}`,
    change: [htu(value)],
    expect: wrongUri,
  })),
  ...rows(HTU_ACCEPTED, (what, value) => ({
    id: 'C9',
    what: `htu ${what}`,
    change: [htu(value)],
    expect: accepted,
  })),
  ...rows(
    {
      'a query': 'https://api.example.com/accounts?a=b',
      'an empty query': 'https://api.example.com/accounts?',
      'a fragment': 'https://api.example.com/accounts#a',
      'the query of the request': `https://api.example.com/accounts?note=${MARKER}`,
    },
    (what, value): Row => ({
      id: 'C9',
      what: `${what} in htu, where none is allowed`,
      on: 'query-reject',
      change: [htu(value)],
      expect: badProof('proof_htu_query'),
    }),
  ),
  {
    id: 'C9',
    what: 'no path at all for the root',
    from: [path('/')],
    change: [htu(ORIGIN)],
    expect: accepted,
  },
  ...rows(
    {
      'an unreserved character escaped in the target': ['/%61ccounts', '/accounts'],
      'an escape in another case': ['/a%2fb', '/a%2Fb'],
      'tilde escaped on one side': ['/~a', '/%7ea'],
      'a reserved character escaped on both sides': ['/a%3Bb', '/a%3bb'],
      'an empty query in the target': ['/accounts?', '/accounts'],
      'a question mark in the query': ['/accounts?a=b?c', '/accounts'],
      'two slashes on both sides': ['/a//b', '/a//b'],
    },
    (what, [requested, signed]): Row => ({
      id: 'C9',
      what,
      change: [target(String(requested)), htu(`${ORIGIN}${signed}`)],
      expect: accepted,
    }),
  ),
  ...rows(
    {
      'a reserved character escaped on one side': ['/a;b', '/a%3Bb'],
      'a slash escaped on one side': ['/a/b', '/a%2Fb'],
      'a space as a plus sign': ['/a%20b', '/a+b'],
      'escaped twice in the target': ['/%2561ccounts', '/accounts'],
      'a slash at the end of the target': ['/accounts/', '/accounts'],
      'two slashes in the target': ['//accounts', '/accounts'],
      'another case in the target': ['/ACCOUNTS', '/accounts'],
      'the query of the target as its path': ['/accounts?/admin', '/accounts%3F/admin'],
      'a backslash in the target': ['/a\\accounts', '/a/accounts'],
    },
    (what, [requested, signed]): Row => ({
      id: 'C9',
      what,
      change: [target(String(requested)), htu(`${ORIGIN}${signed}`)],
      expect: wrongUri,
    }),
  ),
  ...rows(
    {
      'dot segments': ['/a/./b/../accounts', '/a/accounts'],
      'dot segments that lead to another route': ['/orders/42/../../accounts', '/accounts'],
      'dot segments, escaped': ['/orders/42/%2e%2e/%2E%2E/accounts', '/accounts'],
      'dot segments, half escaped': ['/orders/.%2e/accounts', '/accounts'],
      'a single dot': ['/./accounts', '/accounts'],
      'a single dot, escaped': ['/%2E/accounts', '/accounts'],
      'a dot segment at the end': ['/accounts/x/..', '/accounts/'],
      'dot segments behind a semicolon': ['/admin;/../accounts', '/accounts'],
      'a dot segment with a parameter': ['/admin/..;a/accounts', '/admin/..;a/accounts'],
      'dot segments that stand in htu, too': ['/a/../accounts', '/a/../accounts'],
      'dot segments in absolute-form': ['http://api.example.com/a/../accounts', '/accounts'],
      'a fragment': ['/admin#/../accounts', '/accounts'],
      'a fragment after the right path': ['/accounts#', '/accounts'],
      'a fragment in the query': ['/accounts?a#b', '/accounts'],
      'userinfo before a fragment': ['//x@y/admin#', '//x@y/admin'],
    },
    (what, [requested, signed]): Row => ({
      id: 'C9',
      what: `${what} in the target`,
      change: [target(String(requested)), htu(`${ORIGIN}${signed}`)],
      expect: badRequest('target_unusable'),
    }),
  ),
  {
    id: 'C9',
    what: 'a token in the query of htu, beside a good Authorization',
    change: [htu(`${ORIGIN}/accounts?access_token=${MARKER}`)],
    expect: accepted,
  },
];

const other = `http://${MARKER}.example`;

const origins: readonly Row[] = [
  ...claimRows('C9o', wrongUri, {
    'absolute-form: the host of the target is signed': all(
      target(`${other}/accounts`),
      htu(`https://${MARKER}.example/accounts`),
    ),
    'a target that begins with //host: that host is signed': all(
      target(`//${MARKER}.example/accounts`),
      htu(`https://${MARKER}.example/accounts`),
    ),
    'a target that begins with //host: its path alone is signed': target(`//${MARKER}.example/accounts`),
    'the Host of the request is signed, not the configured origin': all(
      hosts(`${MARKER}.example`),
      htu(`https://${MARKER}.example/accounts`),
    ),
    'X-Forwarded-Host is signed': all(
      field('X-Forwarded-Proto', 'https'),
      htu(`https://${MARKER}.example/accounts`),
    ),
    'Origin is signed': htu(`https://${MARKER}.example/accounts?`),
    'the audience of the token is signed': htu(AUDIENCE),
  }),
  ...claimRows('C9o', accepted, {
    'absolute-form with the right path': target(`${other}/accounts`),
    'absolute-form of our own origin': target('http://api.example.com/accounts?a'),
    'absolute-form without a path': all(target(other), htu(ORIGIN)),
    'a target that begins with //host, signed as a path': all(
      target(`//${MARKER}.example/accounts`),
      htu(`${ORIGIN}//${MARKER}.example/accounts`),
    ),
    'another Host, which nobody asks': hosts(`${MARKER}.example`),
    'two Host lines, which nobody asks': hosts('api.example.com', `${MARKER}.example`),
    'X-Forwarded-Host and Forwarded, which nobody asks': all(
      field('X-Forwarded-Host', `${MARKER}.example`),
      field('Forwarded', `host=${MARKER}.example;proto=http`),
    ),
  }),
  {
    id: 'C9o',
    what: 'absolute-form with a query and no path, which frameworks route in different ways',
    change: [target('http://other.example?/accounts')],
    expect: badRequest('target_unusable'),
    expectOnFastify: refusedByServer(404),
  },
  ...rows(
    {
      'absolute-form with a path for a port': 'http://h:admin/accounts',
      'absolute-form with two ports': 'http://h:1:2/accounts',
    },
    (what, value): Row => ({
      id: 'C9',
      what,
      change: [target(value)],
      expect: badRequest('target_unusable'),
      expectOnFastify: refusedByServer(400),
    }),
  ),
  ...claimRows('C9o', badRequest('target_unusable'), {
    'absolute-form with userinfo': target(`http://${MARKER}@api.example.com/accounts`),
    'absolute-form with an empty port': target('http://h:/accounts'),
    'absolute-form with what a router escapes': all(
      target("http://h/it's"),
      htu("https://api.example.com/it's"),
    ),
  }),
  ...claimRows(
    'C9o',
    badRequest('host_unusable'),
    {
      'Host with a path and a query: a/b?': hosts('a/b?'),
      'Host with a fragment: a#b': hosts('a#b'),
      'Host with userinfo: a@b': hosts('a@b'),
      'Host with a backslash': hosts('127.0.0.1\\a'),
      'Host with a path': hosts('127.0.0.1/a'),
      'Host with a query': hosts('127.0.0.1?a'),
      'Host with a space': hosts('127.0.0.1 a'),
      'Host with a comma': hosts('127.0.0.1,127.0.0.1 '),
      'Host with two ports': hosts('127.0.0.1:1:2'),
      'Host with a port that is no number': hosts('127.0.0.1:a'),
      'Host with a port beyond all': hosts('127.0.0.1:65536'),
      'Host with octets beyond ASCII': hosts('127.0.0.1\xe9'),
      'Host with a broken escape': hosts('127.0.0.1%'),
      'Host with an empty name': hosts(':80'),
      'Host with a scheme': hosts('http://127.0.0.1'),
      'Host empty': hosts(''),
      'two Host lines': (draft) => ({ ...draft, hosts: [...draft.hosts, `${MARKER}.example`] }),
      'two equal Host lines': (draft) => ({ ...draft, hosts: [...draft.hosts, ...draft.hosts] }),
      'HTTP/1.0 without Host': all(version('HTTP/1.0'), hosts()),
    },
    'origin-request',
  ),
  ...claimRows(
    'C9o',
    wrongUri,
    {
      'X-Forwarded-Host and X-Forwarded-Proto without a trusted proxy': all(
        field('X-Forwarded-Host', 'api.example.com'),
        field('X-Forwarded-Proto', 'https'),
        htu(`${ORIGIN}/accounts`),
      ),
      'Forwarded without a trusted proxy': all(
        field('Forwarded', 'host=api.example.com;proto=https'),
        htu(`${ORIGIN}/accounts`),
      ),
      'the Origin of the browser': all(field('Origin', ORIGIN), htu(`${ORIGIN}/accounts`)),
      'absolute-form of another host': all(
        target('http://api.example.com/accounts'),
        htu('http://api.example.com/accounts'),
      ),
      'https where the request came by http': (draft, context) =>
        htu(String(draft.proof.claims['htu']).replace('http:', 'https:'))(draft, context),
      'another port of the same host': (draft, context) => htu('http://127.0.0.1:1/accounts')(draft, context),
    },
    'origin-request',
  ),
  {
    id: 'C9o',
    what: 'localhost as Host, signed as such',
    on: 'origin-request',
    change: [hosts('LocalHost:8080'), htu('http://localhost:8080/accounts')],
    expect: accepted,
  },
  ...claimRows(
    'C9o',
    wrongUri,
    {
      'the Host that the trusted proxy replaced': htu('https://localhost/accounts'),
      'another host than the trusted proxy tells': htu('https://other.example.com/accounts'),
      'http where the trusted proxy tells of https': htu('http://api.example.com/accounts'),
    },
    'trusted-proxy',
  ),
  ...claimRows(
    'C9o',
    badRequest('host_unusable'),
    {
      'the trusted proxy tells of a host with a path': field('X-Forwarded-Host', 'api.example.com/a?'),
      'the trusted proxy tells of a host with userinfo': field('X-Forwarded-Host', 'a@api.example.com'),
    },
    'trusted-proxy',
  ),
  ...claimRows(
    'C9o',
    accepted,
    {
      'the other of two origins, below its prefix': htu('https://edge.example.com/v1/accounts'),
      'the prefix with an escape': htu('https://edge.example.com/%761/accounts'),
    },
    'prefix',
  ),
  ...claimRows(
    'C9o',
    wrongUri,
    {
      'the other of two origins without its prefix': htu('https://edge.example.com/accounts'),
      'the prefix of the other origin': htu('https://api.example.com/v1/accounts'),
      'the prefix twice': htu('https://edge.example.com/v1/v1/accounts'),
      'the prefix in another case': htu('https://edge.example.com/V1/accounts'),
    },
    'prefix',
  ),
  ...claimRows(
    'C9o',
    badRequest('target_unusable'),
    {
      'dot segments out of the prefix': all(
        target('/../accounts'),
        htu('https://edge.example.com/v1/accounts'),
      ),
      'dot segments out of the prefix, signed as such': all(
        target('/../v2/pay'),
        htu('https://edge.example.com/v2/pay'),
      ),
      'escaped dot segments out of the prefix': all(
        target('/%2e%2e/v2/pay'),
        htu('https://edge.example.com/v2/pay'),
      ),
    },
    'prefix',
  ),
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

export const sectionCClaims: readonly Row[] = [
  ...claims,
  ...methods,
  ...uris,
  ...origins,
  ...freshness,
  ...ath,
];
