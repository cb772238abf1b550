import { Injectable, Logger, type Type } from '@nestjs/common';
import type { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { TrialConfig } from '../config/dpop-config.js';
import { type DpopError, DpopUnavailableError, toDpopError } from '../errors/dpop.error.js';
import type { RevocationChecker } from '../revocation/revocation.checker.js';
import { differ, type DpopOutcome, publishDifference, toOutcome } from '../telemetry/differences.js';
import { OperatorLog } from '../telemetry/operator-log.js';
import { placeOf } from '../transport/route-name.js';
import type { DpopVerifier } from '../verification/dpop.verifier.js';
import type { DpopExamination } from '../verification/examination.js';
import type { DpopActivation } from './activation.js';
import { routePolicyOf } from './route-policy.js';

/** The replay store decides these, and the trial does not ask it: the present configuration has recorded the proof. */
const DECIDED_BY_STORE: ReadonlySet<string | undefined> = new Set([
  'proof_replayed',
  'nonce_renewal',
  'ticket_spent',
  'ticket_renewal',
]);

/** The types of execution contexts whose requests are tried. */
const TRIED: ReadonlySet<string> = new Set(['http', 'graphql']);

/** The parts of a trial, which `DpopModule` provides if the option is set. */
export interface TrialParts {
  readonly verifier: DpopVerifier;
  readonly config: TrialConfig;
  /** What the trial has of its own, and opens and closes. */
  readonly tokens: AccessTokenVerifier | undefined;
  readonly revocation: RevocationChecker | undefined;
}

/**
 * Verifies each request a second time, with the options that are tried, and tells where the outcome differs. It has no
 * effect on the request, which does not wait for it.
 */
@Injectable()
export class Trial {
  readonly #parts: TrialParts | undefined;
  readonly #logger = new Logger(Trial.name);
  readonly #compared = new WeakSet<DpopExamination>();

  /** @param parts left out in a service that tries nothing */
  constructor(parts?: TrialParts) {
    this.#parts = parts;
  }

  /** Runs in the background, and never rejects: the service starts whatever is wrong with the options under trial. */
  async open(warn: (text: string) => void): Promise<void> {
    if (this.#parts === undefined) return;
    const { tokens, revocation, config } = this.#parts;
    warn('trial is set: each request is verified twice. Remove it once the log is quiet');
    const tell = (text: string): void => warn(`trial: ${text}`);
    const opened = await Promise.allSettled([
      (async () => await tokens?.open?.(tell))(),
      (async () => await revocation?.open?.(tell, config.clock))(),
    ]);
    if (opened.some(({ status }) => status === 'rejected')) tell('its options could not be opened');
  }

  async close(): Promise<void> {
    await this.#parts?.tokens?.close?.();
    await this.#parts?.revocation?.close?.();
  }

  /**
   * Never throws and never rejects: whatever fails here, the request has its answer.
   *
   * @param guard the class whose binding requires a proof
   * @param error `undefined` for an accepted request
   */
  compare(
    activation: DpopActivation,
    guard: Type,
    error?: DpopError | DpopUnavailableError,
  ): Promise<void> | undefined {
    if (this.#parts === undefined) return undefined;
    return this.#compare(this.#parts, activation, guard, error).catch(() => undefined);
  }

  async #compare(
    { verifier, config }: TrialParts,
    activation: DpopActivation,
    guard: Type,
    error: DpopError | DpopUnavailableError | undefined,
  ): Promise<void> {
    const { context, request, examination } = activation;
    // The options decide about a socket at its handshake, and what its messages find is already decided.
    if (!TRIED.has(context.getType<string>())) return;
    if (request === undefined || examination === undefined) return;
    if (error instanceof DpopUnavailableError || DECIDED_BY_STORE.has(error?.reason)) return;
    const second = verifier.examineOnce(request, () => examination.request);
    if (this.#compared.has(second)) return;
    this.#compared.add(second);
    await this.#run(config, { ...activation, examination }, guard, second, toOutcome(error));
  }

  async #run(
    config: TrialConfig,
    { context, request, examination }: DpopActivation & { readonly examination: DpopExamination },
    guard: Type,
    second: DpopExamination,
    present: DpopOutcome,
  ): Promise<void> {
    const policy = routePolicyOf(context.getHandler(), context.getClass(), config.policy, guard);
    if (policy === undefined) return;
    const place = placeOf(context, request);
    let error: DpopError | DpopUnavailableError | undefined;
    try {
      await second.authorize(policy);
    } catch (thrown) {
      error = toDpopError(thrown);
    }
    const trial = toOutcome(error);
    if (!differ(present, trial)) return;
    const { issuer, clientId, jkt } = examination.subject ?? second.subject ?? {};
    publishDifference({ ...place, issuer, clientId, jkt, present, trial });
    OperatorLog.of(config).differs((level, text) => this.#logger[level](text), present, trial, place);
  }
}
