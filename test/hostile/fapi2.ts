import { now } from './baseline.js';
import {
  asBearer,
  authorizationLines,
  type Change,
  clientKey,
  proofClaims,
  tokenClaims,
  tokenHeader,
  tokenSignedBy,
} from './changes.js';
import { SECOND_AUDIENCE, SECOND_ISSUER } from './configurations.js';
import { clients, issuers } from './keys.js';
import { accepted, badBearer, badProof, badToken, type Row, rows } from './row.js';

const seconds = Math.floor(now());

const onFapi2 = (id: string, expect: Row['expect'], changes: Readonly<Record<string, readonly Change[]>>) =>
  rows(changes, (what, change): Row => ({ id, what, on: 'fapi2', change, expect }));

export const fapi2Rows: readonly Row[] = [
  ...onFapi2('C5', badProof('proof_alg'), {
    'a proof of RS256': [clientKey(clients.rs256)],
    'a proof of ES384': [clientKey(clients.es384)],
    'a proof of ES512': [clientKey(clients.es512)],
  }),
  ...onFapi2('C5', accepted, {
    'a proof of PS256': [clientKey(clients.ps256)],
    'a proof of Ed25519': [clientKey(clients.ed25519)],
    'a proof of EdDSA': [clientKey(clients.eddsa)],
  }),
  ...onFapi2('B1', badToken('token_invalid'), {
    'a token of RS256, by a key of its issuer': [
      tokenHeader({ typ: 'JWT', alg: 'RS256' }),
      tokenClaims({ iss: SECOND_ISSUER, aud: SECOND_AUDIENCE }),
      tokenSignedBy(issuers.rsa),
    ],
  }),
  ...onFapi2('C11', accepted, {
    'a proof by a clock that is 10 s ahead': [proofClaims({ iat: seconds + 10 })],
  }),
  ...onFapi2('C11', badProof('proof_early'), {
    'a proof by a clock that is 61 s ahead': [proofClaims({ iat: seconds + 61 })],
    'a proof whose nbf is 61 s ahead': [proofClaims({ nbf: seconds + 61 })],
  }),
  ...onFapi2('B5', badBearer('bearer_not_accepted'), {
    'an unbound Bearer token': asBearer,
    'a bound token as Bearer, with its proof': [authorizationLines((token) => [`Bearer ${token}`])],
  }),
];
