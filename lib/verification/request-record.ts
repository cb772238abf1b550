import { isObject } from '../http/is-object.js';
import { PrivateField } from '../http/private-field.js';
import type { DpopExamination } from './examination.js';
import type { DpopVerdict } from './verdict.js';

/** What is known of one request. */
export class RequestRecord {
  /** By whoever examines it: an app may have several verifiers. */
  readonly examinations = new Map<object, DpopExamination>();
  /** Of the guard that let it through last. */
  verdict: DpopVerdict | undefined;
}

/**
 * A request with its record in a private field. A `WeakMap` would do as well, but V8 keeps what one holds, and the request with it, until all garbage is collected.
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

/** The verdict on a request that a guard let through. */
export function verdictOn(request: unknown): DpopVerdict | undefined {
  return isObject(request) ? RecordedRequest.verdictOn(request) : undefined;
}
