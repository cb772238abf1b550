import { AUDIENCE, MARKER, ORIGIN } from './baseline.js';
import { all, field, hosts, htu, target, version } from './changes.js';
import { claimRows } from './proof-rows.js';
import { accepted, badProof, badRequest, refusedByServer, type Row, rows } from './row.js';

const wrongUri = badProof('proof_htu');

const other = `http://${MARKER}.example`;

export const origins: readonly Row[] = [
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
