import { randomUUID } from 'node:crypto';
import type { RefusalReason } from '../errors/catalogue.js';
import type { DpopError } from '../errors/dpop.error.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { isJsonObject, type JsonObject } from '../jws/json-object.js';
import { isPrivateJwk } from '../jws/private-jwk.js';
import type { CheckName } from './checks.js';

/** The parts of a proof; a part that is `undefined` is as it was sent. */
export interface ProofDraft {
  readonly header?: JsonObject;
  readonly claims?: JsonObject;
}

/** What makes a failed check hold, so that the ones behind it can be made. */
export interface Repair {
  readonly draft: ProofDraft;
  /** Checks that say nothing any more about the proof as it was sent, each with why. */
  readonly skipped: Readonly<Partial<Record<CheckName, string>>>;
}

/** What the claims would have to be. */
export interface RightClaims {
  readonly request: DpopRequest;
  readonly htu: string;
  readonly ath: string | undefined;
  readonly nowSeconds: number;
}

/** The example key of RFC 9449, of which everything holds. */
const STAND_IN = {
  typ: 'dpop+jwt',
  alg: 'ES256',
  jwk: {
    kty: 'EC',
    crv: 'P-256',
    x: 'l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs',
    y: '9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA',
  },
} as const;

type Detail = DpopError['details']['detail'];
type Content = Required<ProofDraft>;

const UNUSABLE_KEY = 'jwk holds no key that can be used';

const REPAIRS_OF_FORM: Readonly<
  Partial<Record<RefusalReason, (content: Content, detail: Detail, right: RightClaims) => Repair | undefined>>
> = {
  proof_malformed: repairForm,
  proof_typ: ({ header, claims }) => ({
    draft: { header: { ...header, typ: STAND_IN.typ }, claims },
    skipped: {},
  }),
  proof_crit: ({ header: { crit: _crit, b64: _b64, ...header }, claims }) => ({
    draft: { header, claims },
    skipped: {},
  }),
  proof_alg: repairAlgorithm,
  proof_jwk_private: ({ header, claims }) => ({
    draft: { header: { ...header, jwk: withoutPrivate(header['jwk']) }, claims },
    skipped: {},
  }),
  proof_jwk: replaceKey,
  proof_jwk_size: replaceKey,
};

/**
 * Replaces the part of a proof that a check refused by a right one. The library stops at the first failure; a developer
 * wants to see all of them.
 *
 * @returns `undefined` where nothing behind the failure can be checked
 */
export function repairProof(
  content: Content,
  { reason, details: { detail } }: DpopError,
  right: RightClaims,
): Repair | undefined {
  const repair = REPAIRS_OF_FORM[reason];
  return repair === undefined ? repairClaims(content, reason, detail, right) : repair(content, detail, right);
}

function repairAlgorithm({ header, claims }: Content): Repair {
  const why = 'the algorithm is not accepted';
  const isPrivate = isJsonObject(header['jwk']) && isPrivateJwk(header['jwk']);
  // A private key is found even without an algorithm that knows its kind.
  const skipped = { signature: why, binding: why, ...(!isPrivate && { jwk: why }) };
  const jwk = isPrivate ? { ...STAND_IN.jwk, d: '' } : STAND_IN.jwk;
  return { draft: { header: { ...header, ...STAND_IN, jwk }, claims }, skipped };
}

function replaceKey({ header, claims }: Content): Repair {
  const skipped = { signature: UNUSABLE_KEY, binding: UNUSABLE_KEY };
  return { draft: { header: { ...header, ...STAND_IN }, claims }, skipped };
}

function repairForm(content: Content, detail: Detail, right: RightClaims): Repair | undefined {
  if (detail === 'header') {
    const why = 'the header is not a JSON object';
    const skipped = { typ: why, alg: why, signature: why, jwk: why, binding: why };
    return { draft: { ...content, header: STAND_IN }, skipped };
  }
  if (detail !== 'payload') return undefined;
  const why = 'the payload is not a JSON object';
  const skipped = { claims: why, htm: why, htu: why, nonce: why, iat: why, ath: why };
  return { draft: { ...content, claims: rightClaims(right) }, skipped };
}

const CHECK_OF_CLAIM = { htm: 'htm', htu: 'htu', iat: 'iat', ath: 'ath', nonce: 'nonce' } as const;

function repairClaims(
  { header, claims }: Content,
  reason: RefusalReason,
  detail: Detail,
  right: RightClaims,
): Repair | undefined {
  const claim = CLAIM_OF_REASON[reason] ?? detail;
  if (
    claim === undefined ||
    !(claim === 'exp' || claim === 'nbf' || claim === 'nonce' || claim in rightClaims(right))
  )
    return undefined;
  const repaired = { ...claims, [claim]: rightClaims(right)[claim] };
  // `detail` of a refusal by form: what the claim says cannot be compared with anything.
  const check = reason === 'proof_claims' ? CHECK_OF_CLAIM[claim as keyof typeof CHECK_OF_CLAIM] : undefined;
  const why = claims[claim] === undefined ? `there is no ${claim}` : `${claim} has the wrong type`;
  return { draft: { header, claims: repaired }, skipped: check === undefined ? {} : { [check]: why } };
}

const CLAIM_OF_REASON: Readonly<Partial<Record<RefusalReason, string>>> = {
  proof_htm: 'htm',
  proof_htu: 'htu',
  proof_htu_query: 'htu',
  proof_ath: 'ath',
  nonce_unacceptable: 'nonce',
};

/** `exp`, `nbf` and `nonce` are right when they are not there. */
function rightClaims({ request, htu, ath, nowSeconds }: RightClaims): JsonObject {
  return { jti: randomUUID(), htm: request.method, htu, iat: nowSeconds, ...(ath !== undefined && { ath }) };
}

function withoutPrivate(jwk: unknown): JsonObject {
  const members = Object.entries(isJsonObject(jwk) ? jwk : {});
  return Object.fromEntries(members.filter(([name]) => !isPrivateJwk({ [name]: '' })));
}
