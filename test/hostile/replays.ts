import { now, ORIGIN } from './baseline.js';
import {
  all,
  authorizationLines,
  clientKey,
  type Change,
  htu,
  nonce,
  path,
  proofClaims,
  proofHeader,
  proofPayloadOctets,
  proofSignature,
  proofSignedBy,
  resend,
  sameJti,
  tokenClaims,
  tokenSignedBy,
} from './changes.js';
import { encode } from './draft.js';
import { clients, issuers } from './keys.js';
import {
  accepted,
  badProof,
  badToken,
  type Expected,
  needsNonce,
  type Row,
  rows,
  unavailable,
} from './row.js';
import { flipFirstBit, negateS } from './signatures.js';

const seconds = Math.floor(now());
const replayed = badProof('proof_replayed');
const stale = badProof('proof_stale');

/** The same proof in another spelling that is as valid. */
const respelled =
  (respell: (signature: string) => string): ((proof: string) => string) =>
  (proof) => {
    const [header = '', payload = '', signature = ''] = proof.split('.');
    return `${header}.${payload}.${respell(signature)}`;
  };

/** 64 octets leave four idle bits in the last character. */
const idleBitsSet = (signature: string): string => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return signature.slice(0, -1) + (alphabet[alphabet.indexOf(signature.at(-1) ?? '') + 1] ?? '');
};

const replays: readonly Row[] = [
  { id: 'F1', what: 'the same proof twice', after: {}, change: [resend()], expect: replayed },
  {
    id: 'F1',
    what: 'the same proof twice, with another case of the scheme',
    after: {},
    change: [resend(), authorizationLines((token) => [`dpop  ${token}`])],
    expect: replayed,
  },
  {
    id: 'F1',
    what: 'the same proof twice where nonces are required',
    on: 'nonce',
    after: {},
    change: [resend()],
    expect: replayed,
  },
  {
    id: 'F1',
    what: 'the same proof twice where freshness is by nonce',
    on: 'nonce-freshness',
    after: {},
    change: [resend()],
    expect: replayed,
  },
  {
    id: 'F1',
    what: 'the same proof twice where memory was lost before',
    on: 'after-loss',
    after: {},
    change: [resend()],
    expect: replayed,
  },
  ...rows<Change>(
    {
      'the other signature of the same octets (r, n − s)': resend(
        respelled((signature) => encode(negateS(Buffer.from(signature, 'base64url')))),
      ),
      'the same signature with idle bits set': resend(respelled(idleBitsSet)),
      'signed anew': sameJti,
      'signed anew, a second later': all(sameJti, proofClaims({ iat: seconds + 1 })),
      'signed anew, with another spelling of htu': all(sameJti, htu('https://api.example.com:443/accounts')),
      'signed anew, with another claim': all(sameJti, proofClaims({ note: 1 })),
      'signed anew, with another header': all(sameJti, proofHeader({ kid: '1' })),
      'signed anew, with another spelling of jti': all(
        sameJti,
        proofPayloadOctets((json) => json.replace('zq7kmarker', '\\u007aq7kmarker')),
      ),
      'signed anew, for another path': all(sameJti, path('/other')),
      'signed anew, with another token': all(sameJti, tokenClaims({ sub: 'another' })),
      'signed anew, with a nonce': all(
        sameJti,
        nonce(({ present }) => present),
      ),
    },
    (what, change): Row => ({
      id: 'F2',
      what: `the jti of a proof that was accepted: ${what}`,
      after: {},
      change: [change],
      expect: replayed,
    }),
  ),
  {
    id: 'F2',
    what: 'the jti of another client',
    after: {},
    change: [sameJti, clientKey(clients.other)],
    expect: accepted,
  },
  {
    id: 'F2',
    what: 'the jti of another client, with a key of another kind',
    after: {},
    change: [sameJti, clientKey(clients.rs256)],
    expect: accepted,
  },
  {
    id: 'F2',
    what: 'a jti that only ends as the other one',
    after: { change: [proofClaims({ jti: 'f2\0a' })] },
    change: [proofClaims({ jti: 'a' })],
    expect: accepted,
  },
  {
    id: 'F2',
    what: 'a jti in another case',
    after: { change: [proofClaims({ jti: 'f2-case' })] },
    change: [proofClaims({ jti: 'F2-CASE' })],
    expect: accepted,
  },
];

/** What was refused has not spent its `jti`. */
const unspent: readonly Row[] = rows<readonly [Change, Expected]>(
  {
    'a bad signature': [proofSignature(flipFirstBit), badProof('proof_signature')],
    "the signature of another client's key": [proofSignedBy(clients.other), badProof('proof_signature')],
    "another client's key": [
      all(proofHeader({ jwk: clients.other.publicJwk }), proofSignedBy(clients.other)),
      badToken('key_binding'),
    ],
    'a bad token': [tokenSignedBy(issuers.rogue), badToken('token_invalid')],
    'another URI': [htu('https://api.example.com/other'), badProof('proof_htu')],
    'another method': [proofClaims({ htm: 'POST' }), badProof('proof_htm')],
    'another token': [proofClaims({ ath: encode('x'.repeat(32)) }), badProof('proof_ath')],
    'an old iat': [proofClaims({ iat: seconds - 3600 }), stale],
  },
  (what, [change, expect]) => ({
    id: 'F3',
    what: `the jti of a proof that was refused for ${what}`,
    after: { change: [change], expect },
    change: [sameJti],
    expect: accepted,
  }),
);

const records: readonly Row[] = [
  ...rows<readonly [Change, number, Expected]>(
    {
      'at the last instant of its freshness': [proofClaims({ iat: seconds }), 59.5, replayed],
      'right after it': [proofClaims({ iat: seconds }), 59.501, stale],
      'at the last instant, iat with a fraction': [proofClaims({ iat: seconds + 0.25 }), 59.75, replayed],
      'right after it, iat with a fraction': [proofClaims({ iat: seconds + 0.25 }), 59.751, stale],
      'at the last instant, iat as far ahead as allowed': [proofClaims({ iat: now() + 30 }), 90, replayed],
      'right after it, iat as far ahead as allowed': [proofClaims({ iat: now() + 30 }), 90.001, stale],
      'half-way': [proofClaims({ iat: now() }), 30, replayed],
    },
    (what, [change, laterSeconds, expect]) => ({
      id: 'F4',
      what: `the same proof again, ${what}`,
      after: { change: [change] },
      laterSeconds,
      change: [resend()],
      expect,
    }),
  ),
  {
    id: 'F4',
    what: 'freshness by nonce: the same proof again, long after its iat, while its nonce lives',
    on: 'nonce-freshness',
    after: {},
    laterSeconds: 190,
    change: [resend()],
    expect: replayed,
  },
  {
    id: 'F4',
    what: 'freshness by nonce: the same proof again, when its nonce has died',
    on: 'nonce-freshness',
    after: {},
    laterSeconds: 210,
    change: [resend()],
    expect: needsNonce('nonce_unacceptable'),
  },
];

const stores: readonly Row[] = [
  {
    id: 'F5',
    what: 'the replay store is down: nothing is let through',
    on: 'infrastructure',
    change: [clientKey(clients.unlucky)],
    expect: unavailable,
  },
  {
    id: 'F6',
    what: 'a proof without a nonce, where memory was lost: it may have been seen before',
    on: 'after-loss',
    change: [proofClaims({ nonce: undefined })],
    expect: needsNonce('nonce_renewal'),
  },
  {
    id: 'F6',
    what: 'a proof with a nonce from before the loss',
    on: 'after-loss',
    change: [nonce(({ twin }) => twin)],
    expect: needsNonce('nonce_renewal'),
  },
  {
    id: 'F7',
    what: 'the memory is full: no live entry makes room',
    on: 'full-store',
    change: [],
    expect: unavailable,
  },
  {
    id: 'F7',
    what: 'the memory is full: another client does not get in either',
    on: 'full-store',
    change: [clientKey(clients.other)],
    expect: unavailable,
  },
  {
    id: 'F7',
    what: 'the memory is full: a bad proof is refused as ever',
    on: 'full-store',
    change: [proofSignature(flipFirstBit)],
    expect: badProof('proof_signature'),
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

export const replayRows: readonly Row[] = [...replays, ...unspent, ...records, ...stores, ...infrastructure];
