import { accessTokens } from './access-tokens.js';
import { bearer } from './bearer.js';
import { challengeRows } from './challenges.js';
import { credentials } from './credentials.js';
import { degenerateKeys } from './degenerate-keys.js';
import { fapi2Rows } from './fapi2.js';
import { hostileBytes } from './hostile-bytes.js';
import { introspectionRows } from './introspection.js';
import { keyBinding } from './key-binding.js';
import { nonceRows } from './nonces.js';
import { origins } from './origins.js';
import { proofAlgorithms } from './proof-algorithms.js';
import { proofClaimRows } from './proof-claims.js';
import { proofForm } from './proof-form.js';
import { proofKeys } from './proof-keys.js';
import { proofSignatures } from './proof-signatures.js';
import { replayRows } from './replays.js';
import { requestUris } from './request-uris.js';
import { revocations } from './revocations.js';
import { routePolicies } from './route-policies.js';
import { confirmationRows, rightsRows } from './rights.js';
import { profileRows } from './profiles.js';
import { tenantRows } from './tenants.js';
import type { Row } from './row.js';

/** Every hostile request, by what it attacks. */
export const SUBJECTS: Readonly<Record<string, readonly Row[]>> = {
  'the credentials of a request': credentials,
  'access tokens': accessTokens,
  'tokens of providers': profileRows,
  'tokens of tenants': tenantRows,
  'what FAPI 2.0 forbids': fapi2Rows,
  'the binding of a token to a key': keyBinding,
  'what an issuer says of a token': introspectionRows,
  'tokens sent as Bearer': bearer,
  'the form of a proof': proofForm,
  'the algorithm of a proof': proofAlgorithms,
  'the key of a proof': proofKeys,
  'keys under which anybody can sign': degenerateKeys,
  'the signature of a proof': proofSignatures,
  'the claims of a proof': proofClaimRows,
  'the URI of a proof': requestUris,
  'the origin of a service': origins,
  challenges: challengeRows,
  'the policies of routes': routePolicies,
  'rights that a route requires': rightsRows,
  'tokens that are bound to more than a key': confirmationRows,
  'bytes that an answer must not repeat': hostileBytes,
  nonces: nonceRows,
  'replays and their store': replayRows,
  'tokens that are revoked': revocations,
};

export const TABLE: readonly Row[] = Object.values(SUBJECTS).flat();
