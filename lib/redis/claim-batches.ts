// The global function may be replaced by fake timers in the tests of an app.
import { setImmediate } from 'node:timers';
import { CLAIM_SCRIPT } from './claim-scripts.js';
import type { RedisConnection } from './redis-connection.js';

interface PendingClaim {
  readonly partition: number;
  readonly keys: readonly string[];
  readonly argument: string;
  readonly resolve: (answer: string) => void;
  readonly reject: (error: unknown) => void;
}

/** Redis serves no other client while a script runs, and an error fails every claim of the batch. */
const MAX_BATCH = 64;
const ANSWER = /[01]|u[\w-]{8}/gy;

/**
 * Sends all claims of one turn of the event loop in one call of the script. In a Cluster the keys of a call must be in
 * one slot, so that each partition has its own call.
 */
export class ClaimBatches {
  readonly #connection: RedisConnection;
  #pending: PendingClaim[] = [];

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  /**
   * The answer to one claim, see `CLAIM_SCRIPT`.
   *
   * @param argument see `formatClaimArgument`
   * @throws Error when Redis does not answer within the deadline, answers with an error, or answers anything unexpected
   */
  send(partition: number, keys: readonly string[], argument: string): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#pending.length === 0) setImmediate(() => this.#flush());
      this.#pending.push({ partition, keys, argument, resolve, reject });
    });
  }

  #flush(): void {
    const pending = this.#pending;
    this.#pending = [];
    const groups = this.#connection.isCluster ? groupByPartition(pending) : [pending];
    for (const group of groups) {
      for (let at = 0; at < group.length; at += MAX_BATCH)
        void this.#sendBatch(group.slice(at, at + MAX_BATCH));
    }
  }

  async #sendBatch(batch: readonly PendingClaim[]): Promise<void> {
    try {
      const keys: string[] = [];
      const claimArguments: string[] = [];
      for (const claim of batch) {
        keys.push(...claim.keys);
        claimArguments.push(claim.argument);
      }
      const answers = parseAnswers(
        await this.#connection.evaluate(CLAIM_SCRIPT, keys, claimArguments),
        batch.length,
      );
      batch.forEach(({ resolve }, index) => resolve(answers[index] ?? ''));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

function groupByPartition(pending: readonly PendingClaim[]): Iterable<PendingClaim[]> {
  const groups = new Map<number, PendingClaim[]>();
  for (const claim of pending) {
    const group = groups.get(claim.partition);
    if (group === undefined) groups.set(claim.partition, [claim]);
    else group.push(claim);
  }
  return groups.values();
}

function parseAnswers(reply: unknown, count: number): readonly string[] {
  const answers = typeof reply === 'string' ? (reply.match(ANSWER) ?? []) : [];
  if (answers.length !== count || answers.join('') !== reply) throw new UnexpectedReplyError();
  return answers;
}

/** Redis replied with something that the script does not return. */
export class UnexpectedReplyError extends Error {
  override readonly name = 'UnexpectedReplyError';

  constructor() {
    super('Unexpected reply from Redis');
  }
}
