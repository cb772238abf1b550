import { isObject } from '../http/is-object.js';
import { nodeRequestOf } from '../http/node-request.js';
import { PrivateField } from '../http/private-field.js';
import { observedResponseOf } from '../http/request-line.js';
import type { DpopExamination } from './examination.js';
import type { ProofExamination } from './proof-examination.js';
import type { DpopProofVerdict } from './proof-verdict.js';
import type { DpopVerdict } from './verdict.js';

/** What the guards share about one request. */
export class RequestRecord {
  /** By verifier: an app may have several. */
  readonly examinations = new Map<object, DpopExamination>();
  /** The same for the verifiers of an authorization server. */
  proofExaminations: Map<object, ProofExamination> | undefined;
  /** The verdict of the last guard that accepted the request. */
  verdict: DpopVerdict | undefined;
  /** Whether a guard let the request through as nobody. */
  isAnonymous = false;
  /** The response, where a guard has found one. */
  response: object | undefined;
  /** What the last `DpopProofGuard` let through: its verdict, or a request without a proof. */
  proof: AcceptedProof | undefined;
}

/** The outcome of a `DpopProofGuard`; without a verdict, the request had no proof and needed none. */
export interface AcceptedProof {
  readonly verdict: DpopProofVerdict | undefined;
}

/**
 * A request with its record in a private field. A `WeakMap` would keep each request alive until a full garbage collection.
 */
class RecordedRequest extends PrivateField {
  readonly #record: RequestRecord;

  constructor(request: object, record: RequestRecord) {
    super(request);
    this.#record = record;
  }

  static recordOf(request: object): RequestRecord {
    return (#record in request ? request : new RecordedRequest(request, new RequestRecord())).#record;
  }

  static share(request: object, record: RequestRecord): void {
    if (#record in request) return;
    // The constructor adds the private field to the request.
    void new RecordedRequest(request, record);
  }

  static present(request: object): RequestRecord | undefined {
    return #record in request ? request.#record : undefined;
  }
}

/** @param request any object that stands for the request */
export function recordOf(request: object): RequestRecord {
  return RecordedRequest.recordOf(request);
}

/** Lets a framework's request have the record of the request of Node behind it. */
export function shareRecord(raw: object, request: object): void {
  RecordedRequest.share(request, recordOf(raw));
}

/**
 * Leaves a verdict on the request that a guard accepted, and on the request of Node, which Fastify wraps: a listener of the
 * app may know only that one.
 */
export function leaveVerdict(request: object, verdict: DpopVerdict): void {
  const record = recordOf(request);
  // A guard that only reports takes nothing away from one that enforces.
  if (verdict.enforced || record.verdict?.enforced !== true) record.verdict = verdict;
  shareWithRawRequest(request);
}

/** The same for a request that a `DpopProofGuard` accepted. */
export function leaveProof(request: object, verdict: DpopProofVerdict | undefined): void {
  recordOf(request).proof = { verdict };
  shareWithRawRequest(request);
}

function shareWithRawRequest(request: object): void {
  const raw = nodeRequestOf(request);
  if (raw !== undefined) RecordedRequest.share(raw, recordOf(request));
}

/** The verdict on a request that a guard accepted. */
export function verdictOn(request: unknown): DpopVerdict | undefined {
  return isObject(request) ? RecordedRequest.present(request)?.verdict : undefined;
}

/** Whether a guard let this request through as nobody. */
export function isAnonymous(request: unknown): boolean {
  return isObject(request) && RecordedRequest.present(request)?.isAnonymous === true;
}

/**
 * The response to a request, for code that has the request alone. `undefined` without an HTTP response; also for a request
 * that came by HTTP/2 or was injected, if no guard examined it.
 */
export function responseOf(request: unknown): object | undefined {
  if (!isObject(request)) return undefined;
  const raw = nodeRequestOf(request);
  return RecordedRequest.present(request)?.response ?? (raw && observedResponseOf(raw));
}

/** What a `DpopProofGuard` left on the request. */
export function proofOn(request: unknown): AcceptedProof | undefined {
  return isObject(request) ? RecordedRequest.present(request)?.proof : undefined;
}
