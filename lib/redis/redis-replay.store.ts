import { randomBytes } from 'node:crypto';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { NO_EPOCH } from '../nonce/stateless-nonce.service.js';
import type { Clock } from '../runtime/clock.js';
import { type ReplayClaim, type ReplayOutcome, ReplayStore } from '../storage/replay.store.js';
import { ClaimBatches } from './claim-batches.js';
import { ClaimKeys, partitionOf, PARTITIONS } from './claim-keys.js';
import { formatQuestion } from './claim-question.js';
import { LOOK_SCRIPT } from './claim-scripts.js';
import type { RedisConnection } from './redis-connection.js';
import { describeFailure } from './redis-failure.js';

/** How often partitions are asked for their epoch, as long as some answer. */
const LOOKS = 3;

export interface RedisReplayStoreOptions {
  readonly keyPrefix: string;
  readonly afterDataLoss: 'challenge' | 'accept';
  readonly deadlineMs: number;
  readonly clock: Clock;
  /** Called when clients bring to light that Redis has lost what it knew. */
  readonly onLoss?: () => void;
}

/**
 * Replay memory of a fleet in Redis: the claims of one turn of the event loop in one atomic script in one round trip.
 * Records lie in hashes by partition of clients and slice of time, which expire as wholes.
 *
 * @see RFC 9449 §11.1
 */
export class RedisReplayStore extends ReplayStore {
  override readonly deadlineMs: number;
  readonly #connection: RedisConnection;
  readonly #batches: ClaimBatches;
  readonly #keys: ClaimKeys;
  readonly #afterDataLoss: 'challenge' | 'accept';
  readonly #clock: Clock;
  readonly #onLoss: () => void;
  readonly #epochs = Array.from({ length: PARTITIONS }, () => NO_EPOCH);
  readonly #instance = randomBytes(6).toString('base64url');
  #attempts = 0;
  #looking: Promise<void> | undefined;

  constructor(connection: RedisConnection, options: RedisReplayStoreOptions) {
    super();
    this.deadlineMs = options.deadlineMs;
    this.#connection = connection;
    this.#batches = new ClaimBatches(connection);
    this.#keys = new ClaimKeys(options.keyPrefix);
    this.#afterDataLoss = options.afterDataLoss;
    this.#clock = options.clock;
    this.#onLoss = options.onLoss ?? (() => {});
    connection.onConnected(() => void this.refreshEpochs());
  }

  override async claim(claim: ReplayClaim): Promise<ReplayOutcome> {
    const partition = partitionOf(claim.jkt);
    const keys = this.#keys.of(partition, claim);
    const named = claim.epoch === NO_EPOCH ? undefined : claim.epoch;
    const question = formatQuestion(claim, this.#afterDataLoss, named, keys.length, this.#nextAttempt());
    const answer = await this.#ask(partition, keys, question);
    if (answer === '1') return 'first';
    if (answer === '0') return 'replayed';
    if (this.#learn(partition, answer.slice(1))) this.#noticeLoss();
    return 'unknown';
  }

  override epochOf(jkt: string): string {
    return this.#epochs[partitionOf(jkt)] ?? NO_EPOCH;
  }

  override async refreshEpoch(jkt: string): Promise<void> {
    const isNews = await this.#lookAt(partitionOf(jkt)).catch(() => false);
    if (isNews) this.#noticeLoss();
  }

  /** Asks for the epochs of all partitions; never fails. */
  refreshEpochs(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  /** @throws Error when Redis does not answer within the deadline */
  async ping(): Promise<void> {
    await this.#evaluateLook(0);
    // A nonce without an epoch makes a client be asked for another one.
    if (this.#epochs.includes(NO_EPOCH)) await this.refreshEpochs();
  }

  async #look(): Promise<void> {
    // The first by itself: with it the server learns the script, which need not be sent 256 times then.
    const isThere = await this.#lookAt(0).then(
      () => true,
      () => false,
    );
    if (!isThere && !this.#connection.isCluster) return;
    let partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
    // The client of a Cluster connects to a node when it is first asked for, and fails much of what comes meanwhile.
    for (let tries = 0; tries < LOOKS && partitions.length > 0; tries += 1) {
      const looks = await Promise.allSettled(partitions.map((partition) => this.#lookAt(partition)));
      const missed = partitions.filter((_, index) => looks[index]?.status === 'rejected');
      if (missed.length === partitions.length) return;
      partitions = missed;
    }
  }

  /** Whether there was news. */
  async #lookAt(partition: number): Promise<boolean> {
    const epoch = await this.#evaluateLook(partition);
    return typeof epoch === 'string' && this.#learn(partition, epoch);
  }

  #evaluateLook(partition: number): Promise<unknown> {
    const nowSeconds = Math.ceil(this.#clock() / 1000);
    return this.#connection.evaluate(LOOK_SCRIPT, [this.#keys.ledgerOf(partition)], [nowSeconds]);
  }

  /** Where one partition lost its memory, others will have: better to learn it before clients do. */
  #noticeLoss(): void {
    void this.refreshEpochs();
    this.#onLoss();
  }

  async #ask(partition: number, keys: readonly string[], question: string): Promise<string> {
    try {
      return await this.#batches.ask(partition, keys, question);
    } catch (cause) {
      const { advice, isFull } = describeFailure(cause);
      throw new DpopUnavailableError(isFull ? 'replay_store_full' : 'replay_store_unavailable', {
        cause,
        advice,
      });
    }
  }

  /** Never comes again: not here, since it counts, and not elsewhere, since the instance has a name of its own. */
  #nextAttempt(): string {
    this.#attempts += 1;
    return `${this.#instance}${this.#attempts.toString(36)}`;
  }

  /** Whether that was news. */
  #learn(partition: number, epoch: string): boolean {
    if (this.#epochs[partition] === epoch) return false;
    this.#epochs[partition] = epoch;
    return true;
  }
}
