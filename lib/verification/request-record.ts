import { isObject } from '../http/is-object.js';
import { PrivateField } from '../http/private-field.js';
import type { DpopExamination } from './examination.js';
import type { DpopVerdict } from './verdict.js';

/** What the guards share about one request. */
export class RequestRecord {
  /** By verifier: an app may have several. */
  readonly examinations = new Map<object, DpopExamination>();
  /** The verdict of the last guard that accepted the request. */
  verdict: DpopVerdict | undefined;
}

/**
 * A request with its record in a private field. A `WeakMap` would keep each request alive until a full garbage collection.
 */
class RecordedRequest extends PrivateField {
  readonly #record = new RequestRecord();

  static recordOf(request: object): RequestRecord {
    return (#record in request ? request : new RecordedRequest(request)).#record;
  }

  static verdictOn(request: object): DpopVerdict | undefined {
    return #record in request ? request.#record.verdict : undefined;
  }
}

/** @param request any object that stands for the request */
export function recordOf(request: object): RequestRecord {
  return RecordedRequest.recordOf(request);
}

/** The verdict on a request that a guard accepted. */
export function verdictOn(request: unknown): DpopVerdict | undefined {
  return isObject(request) ? RecordedRequest.verdictOn(request) : undefined;
}
