// Imported, and not the global one, which fake timers of an app's tests may stop.
import { setImmediate } from 'node:timers';
import { CLAIM_SCRIPT } from './claim-scripts.js';
import type { RedisConnection } from './redis-connection.js';

interface Waiting {
  readonly partition: number;
  readonly keys: readonly string[];
  readonly question: string;
  readonly resolve: (answer: string) => void;
  readonly reject: (error: unknown) => void;
}

/** Redis serves nobody else during a script, and an error fails all claims in it. */
const MAX_BATCH = 64;
const ANSWER = /[01]|u[\w-]{8}/gy;

/**
 * Sends all claims of one turn of the event loop in one call of the script: what a call costs Redis and this process is
 * shared by them. In a Cluster all keys of a call must lie in one slot: those of each partition go out by themselves.
 */
export class ClaimBatches {
  readonly #connection: RedisConnection;
  #waiting: Waiting[] = [];

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  /**
   * The answer to one claim, see `CLAIM_SCRIPT`.
   *
   * @throws Error when Redis does not answer within the deadline, or answers with an error or something else
   */
  ask(partition: number, keys: readonly string[], question: string): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push({ partition, keys, question, resolve, reject });
    });
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    const groups = this.#connection.isCluster ? groupByPartition(waiting) : [waiting];
    for (const group of groups) {
      for (let at = 0; at < group.length; at += MAX_BATCH) void this.#send(group.slice(at, at + MAX_BATCH));
    }
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    try {
      const keys: string[] = [];
      const questions: string[] = [];
      for (const claim of batch) {
        keys.push(...claim.keys);
        questions.push(claim.question);
      }
      const answers = parseAnswers(
        await this.#connection.evaluate(CLAIM_SCRIPT, keys, questions),
        batch.length,
      );
      batch.forEach(({ resolve }, index) => resolve(answers[index] ?? ''));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

function groupByPartition(waiting: readonly Waiting[]): Iterable<Waiting[]> {
  const groups = new Map<number, Waiting[]>();
  for (const claim of waiting) {
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

/** Redis answered something that the script cannot answer. */
export class UnexpectedReplyError extends Error {
  override readonly name = 'UnexpectedReplyError';

  constructor() {
    super('unexpected reply from Redis');
  }
}
