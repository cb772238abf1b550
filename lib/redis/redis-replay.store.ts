import { randomBytes } from 'node:crypto';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { NO_EPOCH } from '../nonce/stateless-nonce.service.js';
import type { Clock } from '../runtime/clock.js';
import { type ReplayClaim, type ReplayOutcome, ReplayStore } from '../storage/replay.store.js';
import { formatClaimArgument } from './claim-argument.js';
import { ClaimBatches } from './claim-batches.js';
import { ClaimKeys, partitionOf, PARTITIONS } from './claim-keys.js';
import { EPOCH_SCRIPT } from './claim-scripts.js';
import type { RedisConnection } from './redis-connection.js';
import { describeFailure } from './redis-failure.js';

/** How often a refresh asks the partitions that have not answered, while others do answer. */
const MAX_ATTEMPTS = 3;

export interface RedisReplayStoreOptions {
  readonly keyPrefix: string;
  readonly afterDataLoss: 'challenge' | 'accept';
  readonly deadlineMs: number;
  readonly clock: Clock;
  /** Called when a claim or a refresh finds that Redis has lost records. */
  readonly onLoss?: () => void;
}

/**
 * Replay store of a fleet in Redis. All claims of one turn of the event loop share one atomic script and one round trip.
 * Records are fields of hashes, by partition of clients and slice of time. `claim-script-parts.ts` has the law.
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
  #claims = 0;
  #refresh: Promise<void> | undefined;

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
    const policy = claim.afterDataLoss === 'refuse' ? 'challenge' : this.#afterDataLoss;
    const nonceEpoch = claim.epoch === NO_EPOCH ? undefined : claim.epoch;
    const answer = await this.#send(
      partition,
      keys,
      formatClaimArgument(claim, policy, nonceEpoch, keys.length, this.#nextAttempt()),
    );
    if (answer === '1') return 'first';
    if (answer === '0') return 'replayed';
    const isChanged = this.#adoptEpoch(partition, answer.slice(1));
    if (isChanged) this.#reportLoss();
    return 'unknown';
  }

  override epochOf(jkt: string): string {
    return this.#epochs[partitionOf(jkt)] ?? NO_EPOCH;
  }

  override async refreshEpoch(jkt: string): Promise<void> {
    const isChanged = await this.#refreshEpochOf(partitionOf(jkt)).catch(() => false);
    if (isChanged) this.#reportLoss();
  }

  /** Reads the epochs of all partitions. Never rejects; concurrent calls share one refresh. */
  refreshEpochs(): Promise<void> {
    this.#refresh ??= this.#refreshAll().finally(() => (this.#refresh = undefined));
    return this.#refresh;
  }

  /** @throws Error when Redis does not answer within the deadline */
  async ping(): Promise<void> {
    await this.#fetchEpoch(0);
    // A client whose nonce carries no epoch would be challenged a second time.
    if (this.#epochs.includes(NO_EPOCH)) await this.refreshEpochs();
  }

  async #refreshAll(): Promise<void> {
    // The first call loads the script into the server; the other 255 then send only its digest.
    const hasAnswered = await this.#refreshEpochOf(0).then(
      () => true,
      () => false,
    );
    if (!hasAnswered && !this.#connection.isCluster) return;
    let partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
    // ioredis connects to a node of a Cluster on the first command for it, and may fail commands until then.
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const results = await Promise.allSettled(
        partitions.map((partition) => this.#refreshEpochOf(partition)),
      );
      const failed = partitions.filter((_, index) => results[index]?.status === 'rejected');
      // Also where none is left.
      if (failed.length === partitions.length) return;
      partitions = failed;
    }
  }

  /** @returns whether the epoch of the partition has changed */
  async #refreshEpochOf(partition: number): Promise<boolean> {
    const epoch = await this.#fetchEpoch(partition);
    return typeof epoch === 'string' && this.#adoptEpoch(partition, epoch);
  }

  #fetchEpoch(partition: number): Promise<unknown> {
    const nowSeconds = Math.ceil(this.#clock() / 1000);
    return this.#connection.evaluate(EPOCH_SCRIPT, [this.#keys.ledgerOf(partition)], [nowSeconds]);
  }

  /** After a loss in one partition, others have probably lost records too: they are read before clients come. */
  #reportLoss(): void {
    void this.refreshEpochs();
    this.#onLoss();
  }

  async #send(partition: number, keys: readonly string[], argument: string): Promise<string> {
    try {
      return await this.#batches.send(partition, keys, argument);
    } catch (cause) {
      const { advice, isFull } = describeFailure(cause);
      throw new DpopUnavailableError(isFull ? 'replay_store_full' : 'replay_store_unavailable', {
        cause,
        advice,
      });
    }
  }

  /** Unique in the fleet: a number that this instance counts, after the random name of the instance. */
  #nextAttempt(): string {
    this.#claims += 1;
    return `${this.#instance}${this.#claims.toString(36)}`;
  }

  /** @returns whether the epoch has changed */
  #adoptEpoch(partition: number, epoch: string): boolean {
    if (this.#epochs[partition] === epoch) return false;
    this.#epochs[partition] = epoch;
    return true;
  }
}
