import { isObject } from '../http/is-object.js';
import { PrivateField } from '../http/private-field.js';

/** An adapter for sockets with a mark in a private field. */
class VerifyingAdapter extends PrivateField {
  readonly #verifies = true;

  static isMarked(adapter: object): boolean {
    return #verifies in adapter && adapter.#verifies;
  }
}

/** An adapter calls it when it is made, and thereby promises that it verifies each handshake. */
export function markVerifying(adapter: object): void {
  if (isVerifying(adapter)) return;
  // The constructor adds the private field to the adapter.
  void new VerifyingAdapter(adapter);
}

/** Whether the handshakes of an app with this adapter meet the policies of its gateways. */
export function isVerifying(adapter: unknown): boolean {
  return isObject(adapter) && VerifyingAdapter.isMarked(adapter);
}
