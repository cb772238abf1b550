import { channel } from 'node:diagnostics_channel';
import type { DpopErrorCode, RefusalDetail, RefusalReason, UnavailableReason } from '../errors/catalogue.js';
import { DpopError, type DpopUnavailableError } from '../errors/dpop.error.js';
import type { Place } from '../http/place.js';
import type { DecisionSubject } from './decisions.js';

/** The name of the `node:diagnostics_channel` on which the differences are published that the option `trial` finds. */
export const DPOP_DIFFERENCE_CHANNEL = 'nestjs-dpop:difference';

/** What one configuration decides about a request. */
export interface DpopOutcome {
  readonly outcome: 'accepted' | 'refused' | 'unavailable';
  readonly code: DpopErrorCode | undefined;
  readonly reason: RefusalReason | UnavailableReason | undefined;
  readonly detail: RefusalDetail | undefined;
}

/** A request whose outcome the options under trial would change. Never holds a token, proof, nonce or jti. */
export interface DpopDifference extends Place, DecisionSubject {
  readonly present: DpopOutcome;
  readonly trial: DpopOutcome;
}

const differences = channel(DPOP_DIFFERENCE_CHANNEL);

/** @param error `undefined` for an accepted request */
export function toOutcome(error: DpopError | DpopUnavailableError | undefined): DpopOutcome {
  if (error === undefined)
    return { outcome: 'accepted', code: undefined, reason: undefined, detail: undefined };
  const { code, reason } = error;
  if (!(error instanceof DpopError)) return { outcome: 'unavailable', code, reason, detail: undefined };
  return { outcome: 'refused', code, reason, detail: error.details.detail };
}

/** Whether a client would be answered otherwise. */
export function differ(one: DpopOutcome, other: DpopOutcome): boolean {
  return one.outcome !== other.outcome || one.code !== other.code;
}

export function publishDifference(difference: DpopDifference): void {
  differences.publish(difference);
}
