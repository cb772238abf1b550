import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { diag, type MeterProvider, metrics, trace } from '@opentelemetry/api';
import {
  assertBoolean,
  assertFunction,
  assertInteger,
  assertKnownNames,
  assertObject,
} from '../errors/option-asserts.js';
import { DPOP_DECISION_CHANNEL, type DpopDecision } from '../telemetry/decisions.js';
import { DPOP_DIFFERENCE_CHANNEL, type DpopDifference } from '../telemetry/differences.js';
import { DPOP_REPLAY_CLAIM_CHANNEL, type DpopReplayClaim } from '../telemetry/replay-claims.js';
import { ClientLabels } from './client-labels.js';
import {
  differenceAttributes,
  eventAttributes,
  outcomeAttributes,
  routeAttributes,
  spanAttributes,
} from './decision-attributes.js';
import { createInstruments, type Instruments } from './instruments.js';

export interface DpopTelemetryOptions {
  /** Default: the global meter provider, as it is when `start` is called. */
  readonly meterProvider?: MeterProvider;
  /** Whether the counter tells method and route. Default false. */
  readonly routeLabels?: boolean;
  /**
   * How many clients the counter tells by name, 0 to 1000. Default 0: it tells none. All further clients are counted as
   * `_other`.
   */
  readonly maxClientLabels?: number;
  /** Whether each decision is written to the active span. Default true. */
  readonly spans?: boolean;
}

/**
 * Turns the decisions of this process into metrics, and writes them to the active span. There is one for a process, whatever
 * number of apps it has.
 *
 * @example
 * ```ts
 * const telemetry = new DpopTelemetry({ routeLabels: true });
 * telemetry.start();
 * ```
 * @throws TypeError that names the option and the accepted form
 * @see https://opentelemetry.io/docs/specs/semconv/http/ for the names of method and route
 */
export class DpopTelemetry {
  readonly #meterProvider: MeterProvider | undefined;
  readonly #routeLabels: boolean;
  readonly #spans: boolean;
  readonly #clients: ClientLabels;
  #instruments: Instruments | undefined;

  constructor(options: DpopTelemetryOptions = {}) {
    assertObject(options, 'DpopTelemetry options');
    assertKnownNames(options, 'DpopTelemetry options', [
      'meterProvider',
      'routeLabels',
      'maxClientLabels',
      'spans',
    ]);
    const { meterProvider, routeLabels = false } = options as DpopTelemetryOptions;
    const { maxClientLabels = 0, spans = true } = options as DpopTelemetryOptions;
    if (meterProvider !== undefined) assertMeterProvider(meterProvider);
    assertBoolean(routeLabels, 'routeLabels');
    assertInteger(maxClientLabels, 'maxClientLabels', 0, 1000);
    assertBoolean(spans, 'spans');
    this.#meterProvider = meterProvider;
    this.#routeLabels = routeLabels;
    this.#spans = spans;
    this.#clients = new ClientLabels(maxClientLabels);
  }

  /** Starts to listen. Call it after the SDK has started, and before the service listens. A second call changes nothing. */
  start(): void {
    if (this.#instruments !== undefined) return;
    this.#instruments = createInstruments(this.#meterProvider ?? metrics.getMeterProvider());
    for (const [name, listener] of this.#listeners) subscribe(name, listener);
  }

  /** Stops to listen. What was counted so far stays with the SDK. */
  stop(): void {
    for (const [name, listener] of this.#listeners) unsubscribe(name, listener);
    this.#instruments = undefined;
  }

  readonly #onDecision = (message: unknown): void => {
    const decision = message as DpopDecision;
    this.#attempt(({ decisions, verificationSeconds }) => {
      const client = this.#clients.labelOf(decision.clientId);
      decisions.add(1, {
        ...outcomeAttributes(decision),
        ...(this.#routeLabels && routeAttributes(decision)),
        ...(client !== undefined && { 'dpop.client_id': client }),
      });
      verificationSeconds.record(decision.durationMs / 1000, { 'dpop.outcome': decision.outcome });
      if (this.#spans) writeToSpan(decision);
    });
  };

  readonly #onClaim = (message: unknown): void => {
    const { outcome, durationMs } = message as DpopReplayClaim;
    this.#attempt(({ claimSeconds }) =>
      claimSeconds.record(durationMs / 1000, { 'dpop.claim.outcome': outcome }),
    );
  };

  readonly #onDifference = (message: unknown): void => {
    const attributes = differenceAttributes(message as DpopDifference);
    this.#attempt(({ differences }) => differences.add(1, attributes));
  };

  readonly #listeners = [
    [DPOP_DECISION_CHANNEL, this.#onDecision],
    [DPOP_REPLAY_CLAIM_CHANNEL, this.#onClaim],
    [DPOP_DIFFERENCE_CHANNEL, this.#onDifference],
  ] as const;

  /** An error of a subscriber would end the process. */
  #attempt(record: (instruments: Instruments) => void): void {
    if (this.#instruments === undefined) return;
    try {
      record(this.#instruments);
    } catch {
      diag.error('nestjs-dpop: the OpenTelemetry SDK failed to record a decision');
    }
  }
}

function assertMeterProvider(value: unknown): void {
  const accepted = 'a MeterProvider of OpenTelemetry';
  assertObject(value, 'meterProvider', accepted);
  assertFunction(value['getMeter'], 'meterProvider', accepted);
}

/** The status of the span belongs to the instrumentation of HTTP: a refusal of the client is no error of the server. */
function writeToSpan(decision: DpopDecision): void {
  const span = trace.getActiveSpan();
  if (span === undefined || !span.isRecording()) return;
  span.setAttributes(spanAttributes(decision));
  span.addEvent('dpop.decision', eventAttributes(decision));
}
