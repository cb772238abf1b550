import { hash } from 'node:crypto';
import type { RefusalReason } from '../errors/catalogue.js';
import { DpopError } from '../errors/dpop.error.js';
import { parseCredentials } from '../http/credentials.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { isSupportedAlgorithm, JWS_ALGORITHMS } from '../jws/algorithms.js';
import { isJsonObject, type JsonObject } from '../jws/json-object.js';
import { parseJsonSegment } from '../jws/json-segment.js';
import type { Clock } from '../runtime/clock.js';
import { parseProofHeader } from '../proof/proof-header.js';
import type { VerificationRules } from '../verification/verification-rules.js';
import { adviceFor } from './advice.js';
import { type CheckName, CHECKS } from './checks.js';
import { describeFailure, type Finding, show, showTime } from './finding.js';
import { type InspectedProof, ProofInspector } from './proof-inspection.js';
import { htuOf } from './proof-maker.js';
import { createProofRules, DEFAULT_LIMITS, type ProofRuleChanges } from './proof-rules.js';
import { inspectToken, type TokenExpectations } from './token-inspection.js';

/** A request with its credentials, as a developer has them. */
export interface Presented {
  readonly method: string;
  readonly url: URL;
  readonly proof: string;
  readonly token?: string | undefined;
  readonly nonce?: string | undefined;
  /** The number of `DPoP` fields; `undefined` if the proof does not come from a head of a request. */
  readonly proofFields?: number | undefined;
}

export interface NumberedFinding extends Finding {
  readonly check: CheckName;
  readonly number: string;
}

export interface Explanation {
  readonly proof: readonly NumberedFinding[];
  /** Empty without a token. */
  readonly token: readonly Finding[];
  /** Of what fails, in the order in which the library checks a proof, and then of the token. */
  readonly reasons: readonly RefusalReason[];
}

/** All that can be said about a request without its server. */
export async function explainRequest(
  presented: Presented,
  expected: TokenExpectations,
  clock: Clock,
  changes?: ProofRuleChanges,
): Promise<Explanation> {
  const { method, url, proof, token, nonce, proofFields } = presented;
  const rules = createProofRules(url, clock, changes);
  const inspectedToken = token === undefined ? undefined : await inspectToken(token, expected, clock);
  const request: DpopRequest = { method, target: url.pathname + url.search, rawHeaders: [] };
  const inspected: InspectedProof = {
    proof,
    request,
    htu: htuOf(url),
    ath: token === undefined ? undefined : hash('sha256', token, 'base64url'),
    boundJkt: inspectedToken?.jkt,
    nonce,
  };
  const { failures, skipped } = await new ProofInspector(rules).inspect(inspected);
  const unreadable = checkCredentials(proof, token);
  const describe = describer(inspected, rules);
  const findings = (Object.keys(CHECKS) as CheckName[]).map((check): NumberedFinding => {
    const [number, title] = CHECKS[check];
    const failure =
      check === 'form' && unreadable?.reason === 'proof_too_large' ? unreadable : failures.get(check);
    if (check === 'field') return { check, number, ...findingOfField(proof === '' ? 0 : proofFields) };
    if (proof === '') return { check, number, title, outcome: 'not checked', text: 'there is no proof' };
    if (failure !== undefined) return { check, number, title, ...findingOf(failure, describe(check)) };
    const why = skipped.get(check);
    if (why !== undefined) return { check, number, title, outcome: 'not checked', text: why };
    return { check, number, title, outcome: 'holds', text: describe(check).claimed };
  });
  const ofToken =
    unreadable === undefined || unreadable.reason.startsWith('proof') ? [] : [findingOfHeader(unreadable)];
  const tokenFindings = [...ofToken, ...(inspectedToken?.findings ?? [])];
  const inOrder = [...failures.values()].map(({ reason }) => reason);
  const others = [...findings, ...tokenFindings].flatMap(({ reason }) =>
    reason === undefined ? [] : [reason],
  );
  const reasons = [...new Set([...inOrder, ...others])];
  return { proof: findings, token: tokenFindings, reasons };
}

/** The size of both, and the alphabet of the token. */
function checkCredentials(proof: string, token = 'none'): DpopError | undefined {
  try {
    const fields = { authorization: `DPoP ${token}`, authorizationCount: 1, dpop: proof, dpopCount: 1 };
    parseCredentials(fields, DEFAULT_LIMITS);
    return undefined;
  } catch (error) {
    if (error instanceof DpopError) return error;
    throw error;
  }
}

function findingOfHeader(error: DpopError): Finding {
  return { title: 'header', ...findingOf(error, { claimed: '' }) };
}

function findingOfField(count: number | undefined): Finding {
  const [, title] = CHECKS.field;
  if (count === undefined) return { title, outcome: 'not checked', text: 'the proof comes from a file' };
  if (count === 1) return { title, outcome: 'holds', text: '' };
  const reason = count === 0 ? 'proof_missing' : 'proof_repeated';
  return {
    title,
    outcome: 'fails',
    text: count === 0 ? 'there is none' : `there are ${count}`,
    reason,
    advice: adviceFor(reason),
  };
}

interface Description {
  readonly claimed: string;
  readonly expected?: string;
}

function findingOf(error: DpopError, { claimed, expected }: Description): Omit<Finding, 'title'> {
  const { reason, details } = error;
  const text = describeFailure(error, claimed, expected ?? details.expected?.join(' or '));
  return { outcome: 'fails', text, reason, advice: adviceFor(reason) };
}

/** What the proof claims in each check, and what was expected where the library does not say. Nothing private. */
function describer(
  { proof, request, htu, ath, boundJkt, nonce }: InspectedProof,
  { clock, proof: { algorithms, maxAgeSeconds, futureToleranceSeconds } }: VerificationRules,
): (check: CheckName) => Description {
  const [headerSegment = '', payloadSegment = ''] = proof.split('.');
  const header = parseJsonSegment(headerSegment) ?? {};
  const claims = parseJsonSegment(payloadSegment) ?? {};
  const times = ['iat', 'exp', 'nbf'].filter((name) => claims[name] !== undefined);
  const claimedTimes = times.map((name) => `${name} ${showTime(claims[name], clock())}`).join(', ');
  const descriptions: Readonly<Record<CheckName, Description>> = {
    field: { claimed: '' },
    form: { claimed: '' },
    claims: { claimed: Object.entries(claims).map(showClaim).join(', ') },
    typ: { claimed: show(header['typ']) },
    alg: { claimed: describeAlgorithm(header['alg']), expected: [...algorithms].join(', ') },
    signature: { claimed: '' },
    jwk: { claimed: describeKey(header['jwk']) },
    htm: { claimed: show(claims['htm']), expected: request.method },
    htu: { claimed: show(claims['htu']), expected: htu },
    nonce: { claimed: show(claims['nonce']), ...(nonce !== undefined && { expected: show(nonce) }) },
    iat: {
      claimed: claimedTimes,
      expected: `iat at most ${maxAgeSeconds} s ago and ${futureToleranceSeconds} s ahead`,
    },
    ath: { claimed: show(claims['ath']), ...(ath !== undefined && { expected: ath }) },
    binding: {
      claimed: `the proof is signed with ${describeKey(header['jwk'])}${thumbprintIn(headerSegment)}`,
      ...(boundJkt !== undefined && { expected: `the key with the thumbprint ${show(boundJkt)}` }),
    },
  };
  return (check) => descriptions[check];
}

/** RFC 9449 §4.3: symmetric algorithms and none prove nothing. */
export function isNeverAccepted(alg: unknown): boolean {
  return typeof alg === 'string' && /^(?:hs\d+|none)$/i.test(alg);
}

const describeAlgorithm = (alg: unknown): string =>
  isNeverAccepted(alg)
    ? `${show(alg)}, which is never accepted: the signature must be asymmetric`
    : show(alg);

/** Empty for a key without a thumbprint; the check of the header says why. */
function thumbprintIn(headerSegment: string): string {
  try {
    const algorithms = new Set([...JWS_ALGORITHMS.keys()].filter(isSupportedAlgorithm));
    return `, with the thumbprint ${parseProofHeader(headerSegment, algorithms).jkt}`;
  } catch (error) {
    if (error instanceof DpopError) return '';
    throw error;
  }
}

/** Values that have a line of their own, and the random ones, are named alone unless they are no strings. */
const showClaim = ([name, value]: [string, unknown]): string =>
  typeof value === 'string' && value !== '' ? show(name) : `${show(name)} ${show(value)}`;

/** The kind of a key and the names of its members. */
function describeKey(jwk: unknown): string {
  if (!isJsonObject(jwk)) return show(jwk === undefined ? 'no jwk' : 'a jwk that is no object');
  const kind = ['kty', 'crv', 'alg'].map((name) => jwk[name]).filter((value) => typeof value === 'string');
  return `a key ${kind.map(show).join(' ')} with the members ${membersOf(jwk)}`;
}

const membersOf = (jwk: JsonObject): string => Object.keys(jwk).map(show).join(', ');
