import type { ConfigurationName } from './configurations.js';
import type { Expected, Row } from './row.js';
import { SUBJECTS } from './table.js';
import { tokenEndpointRows } from './token-endpoint.js';

/** The configurations of a resource server that an authorization server has as well. */
export const SERVER_CONFIGURATIONS = [
  'default',
  'nonce',
  'nonce-freshness',
  'secret-rotated',
  'secret-replaced',
  'origin-request',
  'trusted-proxy',
  'prefix',
  'loopback',
  'insecure-http',
  'query-reject',
  'only-es256',
  'after-loss',
  'infrastructure',
  'full-store',
] as const satisfies readonly ConfigurationName[];

/** What is about proofs alone. */
const PROOF_SUBJECTS = [
  'the credentials of a request',
  'the form of a proof',
  'the algorithm of a proof',
  'the key of a proof',
  'keys under which anybody can sign',
  'the signature of a proof',
  'the claims of a proof',
  'the URI of a proof',
  'the origin of a service',
  'bytes that an answer must not repeat',
  'nonces',
  'replays and their store',
] as const satisfies readonly (keyof typeof SUBJECTS)[];

/** Transport and form, the proof but for its token, answers, nonces and replays. */
const PROOF_IDS = /^(?:A1|A3|C(?:[1-9]|9o|10|11)|D5|D8|E\d|F\d)$/;
/** Rows whose change is one of the access token, which is not looked at here. */
const OF_TOKENS =
  /\b(?:token|Authorization|ath missing|a bad token|the earlier clock|another case of the scheme)\b/i;

export const SERVER_SUBJECTS: Readonly<Record<string, readonly Row[]>> = {
  ...Object.fromEntries(
    PROOF_SUBJECTS.map((subject) => [subject, SUBJECTS[subject]?.filter(isAboutProofs) ?? []]),
  ),
  'token and pushed authorization requests': tokenEndpointRows,
};

function isAboutProofs({ id, what, on = 'default', expect, after }: Row): boolean {
  return (
    PROOF_IDS.test(id) &&
    (SERVER_CONFIGURATIONS as readonly string[]).includes(on) &&
    [expect, after?.expect].every((expected) => expected === undefined || isOfProof(expected)) &&
    !OF_TOKENS.test(what)
  );
}

function isOfProof(expected: Expected): boolean {
  if (expected.kind === 'accepted') return expected.scheme === 'DPoP';
  if (expected.kind !== 'refused') return true;
  return /^(?:proof|nonce|target|host|https)_/.test(expected.reason) && expected.reason !== 'proof_missing';
}
