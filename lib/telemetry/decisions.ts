import { channel } from 'node:diagnostics_channel';
import type { DpopErrorCode, RefusalDetail, RefusalReason, UnavailableReason } from '../errors/catalogue.js';
import { DpopError, type DpopUnavailableError } from '../errors/dpop.error.js';
import { knownMethod } from '../http/known-method.js';
import type { NameRoute, Place } from '../http/place.js';

/** The name of the `node:diagnostics_channel` on which every decision is published. */
export const DPOP_DECISION_CHANNEL = 'nestjs-dpop:decision';

/** One decision about one request. Never holds a token, proof, nonce or jti. */
export interface DpopDecision {
  /** `anonymous` for a request without credentials, which `anonymous: 'allow'` let through as nobody. */
  readonly outcome: 'accepted' | 'refused' | 'unavailable' | 'anonymous';
  /** `false` for a request that was let through although it was to be refused, by `enforcement: 'report'`. */
  readonly enforced: boolean;
  readonly code: DpopErrorCode | undefined;
  readonly reason: RefusalReason | UnavailableReason | undefined;
  /** Which claim, member or step, where the reason covers several. */
  readonly detail: RefusalDetail | undefined;
  /** Values of this service, one of which was expected. */
  readonly expected: readonly string[] | undefined;
  /** By how many seconds something came too early or too late. */
  readonly offBySeconds: number | undefined;
  /** The method of the request if Node knows it, otherwise `other`. */
  readonly method: string | undefined;
  /** The pattern of the route, `/accounts/:id`; for a gateway its path. Undefined for GraphQL, messages and `DpopVerifier`. */
  readonly route: string | undefined;
  /** Class and method of the handler, `AccountsController.list`. Undefined for `DpopVerifier`. */
  readonly handler: string | undefined;
  readonly issuer: string | undefined;
  readonly clientId: string | undefined;
  readonly jkt: string | undefined;
  /** Whether the request came with a ticket in place of token and proof, to a route that allows tickets. */
  readonly hasTicket: boolean;
  /** `false` for a request that passed while the replay store failed, by `onReplayStoreFailure`. */
  readonly replayChecked: boolean;
  /** `false` for a request that passed while the revocation checker failed, by `onRevocationFailure`. */
  readonly revocationChecked: boolean;
  /** From the first check of the request to the decision. */
  readonly durationMs: number;
}

/** Whose request it was, as far as verification has shown. */
export type DecisionSubject = Pick<DpopDecision, 'issuer' | 'clientId' | 'jkt'>;

const decisions = channel(DPOP_DECISION_CHANNEL);

/**
 * Publishes one decision about a request, however many guards ask. Only where a later guard rejects what an earlier one
 * accepted is there a second one. Costs nothing without a subscriber.
 */
export class RequestDecisions {
  /** Whether the request came with a ticket. */
  hasTicket = false;
  readonly #method: unknown;
  readonly #startedMs = performance.now();
  #isDecided: boolean;
  #isRejected: boolean;
  #isReported = false;

  /**
   * @param method of the request, as received
   * @param publishes `false` for an examination that decides nothing
   */
  constructor(method: unknown, publishes = true) {
    this.#method = method;
    // Nothing is published after a decision.
    this.#isDecided = !publishes;
    this.#isRejected = !publishes;
  }

  /**
   * @param replayFailure the failure of the replay store in spite of which the request is accepted
   * @param revocationFailure the same of the revocation checker
   */
  accepted(
    subject: DecisionSubject,
    replayFailure: DpopUnavailableError | undefined,
    revocationFailure: DpopUnavailableError | undefined,
    name?: NameRoute,
  ): void {
    if (this.#isDecided || !decisions.hasSubscribers) return;
    this.#isDecided = true;
    decisions.publish({
      ...this.#about(subject, name),
      outcome: 'accepted',
      reason: (replayFailure ?? revocationFailure)?.reason,
      replayChecked: replayFailure === undefined,
      revocationChecked: revocationFailure === undefined,
    } satisfies DpopDecision);
  }

  anonymous(name?: NameRoute): void {
    if (this.#isDecided || !decisions.hasSubscribers) return;
    this.#isDecided = true;
    decisions.publish({ ...this.#about(undefined, name), outcome: 'anonymous' } satisfies DpopDecision);
  }

  /**
   * @param subject as far as verification came before the rejection
   * @param enforced whether the request is refused
   */
  rejected(
    error: DpopError | DpopUnavailableError,
    subject: DecisionSubject | undefined,
    name?: NameRoute,
    enforced = true,
  ): void {
    // A guard that enforces may refuse what another one only reported.
    if (this.#isRejected || (this.#isReported && !enforced) || !decisions.hasSubscribers) return;
    this.#isDecided = true;
    if (enforced) this.#isRejected = true;
    else this.#isReported = true;
    const isRefusal = error instanceof DpopError;
    const { detail, expected, offBySeconds } = isRefusal ? error.details : {};
    decisions.publish({
      ...this.#about(subject, name),
      outcome: isRefusal ? 'refused' : 'unavailable',
      enforced,
      code: error.code,
      reason: error.reason,
      detail,
      expected,
      offBySeconds,
    } satisfies DpopDecision);
  }

  #about(subject: DecisionSubject | undefined, name: NameRoute | undefined): Omit<DpopDecision, 'outcome'> {
    const { route, handler } = name?.() ?? {};
    return {
      enforced: true,
      code: undefined,
      reason: undefined,
      detail: undefined,
      expected: undefined,
      offBySeconds: undefined,
      method: knownMethod(this.#method),
      route,
      handler,
      issuer: subject?.issuer,
      clientId: subject?.clientId,
      jkt: subject?.jkt,
      hasTicket: this.hasTicket,
      replayChecked: true,
      revocationChecked: true,
      durationMs: performance.now() - this.#startedMs,
    };
  }
}

/** Publishes a rejection that came before anything of the request was known. */
export function publishUnexamined(
  error: DpopError | DpopUnavailableError,
  place: Place,
  enforced = true,
): void {
  new RequestDecisions(place.method).rejected(error, undefined, () => place, enforced);
}
