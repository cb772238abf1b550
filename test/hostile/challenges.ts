import { MARKER } from './baseline.js';
import {
  all,
  asBearer,
  authorizationLines,
  type Change,
  dpopLines,
  field,
  hosts,
  nonce,
  path,
  proofClaims,
  proofHeader,
  tokenSignedBy,
} from './changes.js';
import { issuers } from './keys.js';
import {
  badBearer,
  badProof,
  badRequest,
  badToken,
  needsNonce,
  refused,
  type Row,
  rows,
  unauthenticated,
} from './row.js';

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

/** Where the URL of the metadata depends on the host. A host of no origin changes nothing, and comes back nowhere. */
const HOSTS: Readonly<Record<string, readonly string[]>> = {
  'an unknown host': [`${MARKER}.example`],
  'a host with a path and a query: a/b?': [`${MARKER}/b?`],
  'a host with a fragment: a#b': [`${MARKER}#b`],
  'a host with userinfo: a@b': [`${MARKER}@api.example.com`],
  'a host with a quotation mark': [`${MARKER}"`],
  'another port of a known host': ['api.example.com:8443'],
  'two hosts, the first of them another origin': ['edge.example.com', `${MARKER}.example`],
  'no host': [''],
};

const metadataUrls: readonly Row[] = [
  ...rows(HOSTS, (what, values): Row => ({
    id: 'H',
    what: `several origins with metadata: ${what}`,
    on: 'metadata',
    change: [hosts(...values), proofHeader({ typ: 'JWT' })],
    expect: badProof('proof_typ'),
  })),
  ...rows(
    Object.fromEntries(Object.entries(HOSTS).filter(([, [host = '']]) => /[/#@"]/.test(host))),
    (what, values): Row => ({
      id: 'H',
      what: `the host of the request and metadata: ${what}`,
      on: 'metadata-request',
      change: [hosts(...values)],
      expect: badRequest('host_unusable'),
    }),
  ),
  {
    id: 'H',
    what: 'the host of the request and metadata: an unknown host without https',
    on: 'metadata-request',
    change: [hosts(`${MARKER}.example`)],
    expect: badRequest('https_required'),
  },
];

export const challengeRows: readonly Row[] = [...challenges, ...browsers, ...metadataUrls];
