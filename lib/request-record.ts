import type { DpopExamination } from './dpop.examination.js';
import type { DpopVerdict } from './dpop.verdict.js';
import { isObject } from './http/transport.js';

/** What is known of one request. */
export class RequestRecord {
  /** By whoever examines it: an app may have several verifiers. */
  readonly examinations = new Map<object, DpopExamination>();
  /** Of the guard that let it through last. */
  verdict: DpopVerdict | undefined;
}

/** Makes what it is given of it: the private fields of a class derived from it are added to that object. */
const Addition = function (object: object) {
  return object;
} as unknown as new (object: object) => object;

/**
 * A request with its record in a private field, where neither middleware nor a body parser can forge it, and no copy has
 * it. A `WeakMap` would do as well, but V8 keeps what one holds, and the request with it, until all garbage is collected.
 */
class RecordedRequest extends Addition {
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
