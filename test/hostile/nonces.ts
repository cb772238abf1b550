import { MARKER, now } from './baseline.js';
import { all, type Change, nonce, type Nonces, path, proofClaims, proofHeader } from './changes.js';
import { accepted, acceptedWithNonce, badProof, needsNonce, type Row, rows } from './row.js';
import { flipBit } from './signatures.js';

const missing = needsNonce('nonce_missing');
const unacceptable = needsNonce('nonce_unacceptable');
const none = proofClaims({ nonce: undefined });

const BAD_NONCES: Readonly<Record<string, (nonces: Nonces) => string>> = {
  'of nobody': () => MARKER,
  empty: () => '',
  'of the right form and nobody': ({ present }) => 'A'.repeat(present.length),
  'with its first bit flipped': ({ present }) => flipped(present, 0),
  'with a bit of its time flipped': ({ present }) => flipped(present, 31),
  'with a bit of its memory flipped': ({ present }) => flipped(present, 40),
  'with its last bit flipped': ({ present }) => flipped(present, octets(present).length * 8 - 1),
  'cut short': ({ present }) => present.slice(0, -1),
  'with a character too many': ({ present }) => `${present}A`,
  'with padding': ({ present }) => `${present}=`,
  'with a space before': ({ present }) => ` ${present}`,
  'with a line feed after': ({ present }) => `${present}\n`,
  'in another case': ({ present }) => swapCase(present),
  'in hex': ({ present }) => octets(present).toString('hex'),
  quoted: ({ present }) => `"${present}"`,
  twice: ({ present }) => present + present,
  'of 4000 characters': () => MARKER.repeat(400),
  'beyond ASCII': ({ present }) => `${present.slice(0, -1)}é`,
  'that agrees in its lower octets only': ({ present }) =>
    present.slice(0, -1) + String.fromCharCode(present.charCodeAt(present.length - 1) + 0x100),
  'of two windows ago': ({ expired }) => expired,
  'of two windows ahead': ({ premature }) => premature,
  'of another service with the same secret': ({ foreign }) => foreign,
  'the name of a prototype': () => '__proto__',
};

const required: readonly Row[] = [
  { id: 'E1', what: 'no nonce where one is required', on: 'nonce', change: [none], expect: missing },
  {
    id: 'E1',
    what: 'no nonce where freshness is by nonce',
    on: 'nonce-freshness',
    change: [none],
    expect: missing,
  },
  {
    id: 'E1',
    what: 'no nonce on a route that requires one',
    from: [path('/nonce'), nonce(({ present }) => present)],
    change: [none],
    expect: missing,
  },
  {
    id: 'E1',
    what: 'the nonce in the header of the proof only',
    on: 'nonce',
    change: [(draft, context) => all(none, proofHeader({ nonce: context.nonces.present }))(draft, context)],
    expect: missing,
  },
  {
    id: 'E1',
    what: 'a good nonce where none is asked for',
    change: [nonce(({ present }) => present)],
    expect: accepted,
  },
  ...rows(BAD_NONCES, (what, pick): Row => ({
    id: 'E2',
    what: `a nonce ${what}`,
    on: 'nonce',
    change: [nonce(pick)],
    expect: unacceptable,
  })),
  ...rows(
    {
      'of nobody': () => MARKER,
      empty: () => '',
      'with its first bit flipped': ({ present }: Nonces) => flipped(present, 0),
      'of two windows ago': ({ expired }: Nonces) => expired,
      'of another service with the same secret': ({ foreign }: Nonces) => foreign,
    },
    (what, pick): Row => ({
      id: 'E1',
      what: `where nonces are off, a nonce ${what}`,
      change: [nonce(pick)],
      expect: unacceptable,
    }),
  ),
  ...rows<readonly [Change, Row['expect']]>(
    {
      'signed by nobody': [nonce(({ present }) => flipped(present, 100)), unacceptable],
      'in an array': [nonce(({ present }) => [present]), badProof('proof_claims')],
      'of another service': [nonce(({ foreign }) => foreign), unacceptable],
    },
    (what, [change, expect]) => ({
      id: 'E3',
      what: `freshness by nonce: a nonce ${what}`,
      on: 'nonce-freshness',
      change: [change],
      expect,
    }),
  ),
];

const windows: readonly Row[] = [
  {
    id: 'E4',
    what: 'a nonce of the previous window: accepted, and a fresh one rides on the answer',
    on: 'nonce',
    change: [nonce(({ previous }) => previous)],
    expect: acceptedWithNonce,
  },
  {
    id: 'E4',
    what: 'a nonce of the next window, by the clock of another replica',
    on: 'nonce',
    change: [nonce(({ next }) => next)],
    expect: accepted,
  },
  {
    id: 'E4',
    what: 'a nonce of the previous window where none is asked for',
    change: [nonce(({ previous }) => previous)],
    expect: acceptedWithNonce,
  },
  {
    id: 'E5',
    what: 'a nonce of another process of the same service',
    on: 'nonce',
    change: [nonce(({ twin }) => twin)],
    expect: accepted,
  },
  {
    id: 'E6',
    what: 'a nonce of the secret before the present one',
    on: 'secret-rotated',
    change: [nonce(({ twin }) => twin)],
    expect: accepted,
  },
  {
    id: 'E6',
    what: 'a nonce of a secret that is no longer known',
    on: 'secret-replaced',
    change: [nonce(({ twin }) => twin)],
    expect: unacceptable,
  },
  {
    id: 'E4',
    what: 'a nonce that runs out while the proof would be fresh',
    on: 'nonce',
    laterSeconds: 240,
    change: [proofClaims({ iat: Math.floor(now()) + 240 })],
    expect: unacceptable,
  },
];

export const nonceRows: readonly Row[] = [...required, ...windows];

function octets(text: string): Buffer {
  return Buffer.from(text, 'base64url');
}

function flipped(text: string, bit: number): string {
  return flipBit(octets(text), bit).toString('base64url');
}

function swapCase(text: string): string {
  return text.replace(/[a-z]/gi, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
}
