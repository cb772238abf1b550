import { randomBytes } from 'node:crypto';
import type { DenyRecord } from '../revocation/deny-record.js';
import { UnexpectedReplyError } from './claim-batches.js';
import { APPEND_SCRIPT, READ_SCRIPT } from './deny-log-scripts.js';
import type { RedisConnection } from './redis-connection.js';

/** The entries of one reply, and of one call that writes: Redis serves no other client meanwhile. */
export const PAGE_SIZE = 1000;
/** How long the stream outlives its last entry. */
const EXTRA_SECONDS = 3600;
const MARK_BYTES = 9;

/** The last entry that was read. */
interface Position {
  readonly id: string;
  /** Random, so that another entry with the same id is not taken for this one. */
  readonly mark: string;
}

const BEGINNING: Position = { id: '0', mark: '' };

export interface DenyLogPage {
  /** `false` if Redis has lost the last entry that was read: the page is the first of the stream. */
  readonly isContinuous: boolean;
  readonly records: readonly DenyRecord[];
  /** Whether these were all. */
  readonly isLast: boolean;
}

/** The entries of a fleet in the order in which they were appended: a stream in Redis, and how far it has been read. */
export class DenyLog {
  readonly #connection: RedisConnection;
  readonly #keys: readonly [string];
  #position = BEGINNING;

  constructor(connection: RedisConnection, key: string) {
    this.#connection = connection;
    this.#keys = [key];
  }

  /**
   * What comes after the last page. One call at a time.
   *
   * @throws Error when Redis does not answer; the next call then asks for the same
   */
  async read(nowSeconds: number): Promise<DenyLogPage> {
    const { id, mark } = this.#position;
    const reply = await this.#connection.evaluate(READ_SCRIPT, this.#keys, [nowSeconds, PAGE_SIZE, id, mark]);
    const { isContinuous, entries } = parseReply(reply);
    const last = entries.at(-1);
    if (last !== undefined) this.#position = last;
    else if (!isContinuous) this.#position = BEGINNING;
    return {
      isContinuous,
      records: entries.map(({ record }) => record),
      isLast: entries.length < PAGE_SIZE,
    };
  }

  /** Appends a record. @returns whether there was room */
  async append(record: DenyRecord, nowSeconds: number, maxEntries: number): Promise<boolean> {
    return await this.#append([record], nowSeconds, ['max', maxEntries, '']);
  }

  /** Appends records if the newest entry is the last one that was read. @returns whether it was */
  async appendNext(records: readonly DenyRecord[], nowSeconds: number): Promise<boolean> {
    const { id, mark } = this.#position;
    return await this.#append(records, nowSeconds, ['after', id, mark]);
  }

  async #append(
    records: readonly DenyRecord[],
    nowSeconds: number,
    condition: readonly (string | number)[],
  ): Promise<boolean> {
    const endsAtSeconds = Math.max(...records.map((record) => record.endsAtSeconds));
    const keepSeconds = Math.ceil(endsAtSeconds - nowSeconds) + EXTRA_SECONDS;
    const values = records.map(formatDenyLogValue);
    const args = [nowSeconds, keepSeconds, ...condition, ...values];
    return (await this.#connection.evaluate(APPEND_SCRIPT, this.#keys, args)) === 1;
  }
}

/** `mark key tag issuedBefore endsAtSeconds`; `-` for a record that covers tokens whenever they were issued. */
export function formatDenyLogValue({ key, tag, issuedBefore, endsAtSeconds }: DenyRecord): string {
  const mark = randomBytes(MARK_BYTES).toString('base64url');
  return `${mark} ${key} ${tag.toString(36)} ${issuedBefore === Infinity ? '-' : issuedBefore} ${endsAtSeconds}`;
}

const VALUE = /^([\w-]{12}) ([\w-]{43}) ([\da-z]{1,7}) (-|\d+(?:\.\d+)?) (\d+)$/;

interface DenyLogEntry extends Position {
  readonly record: DenyRecord;
}

/** @throws UnexpectedReplyError also for one value that cannot be read: it may revoke the next token */
function parseReply(reply: unknown): {
  readonly isContinuous: boolean;
  readonly entries: readonly DenyLogEntry[];
} {
  if (!Array.isArray(reply)) throw new UnexpectedReplyError();
  const [first, ...rest] = reply as readonly unknown[];
  const entries: DenyLogEntry[] = [];
  for (let at = 0; at < rest.length; at += 2) entries.push(parseEntry(rest[at], rest[at + 1]));
  return { isContinuous: Number(first) === 1, entries };
}

function parseEntry(id: unknown, value: unknown): DenyLogEntry {
  const [, mark, key, tag, issuedBefore, endsAt] = VALUE.exec(String(value)) ?? [];
  if (typeof id !== 'string' || mark === undefined || key === undefined || tag === undefined) {
    throw new UnexpectedReplyError();
  }
  return {
    id,
    mark,
    record: {
      key,
      tag: Number.parseInt(tag, 36),
      issuedBefore: issuedBefore === '-' ? Infinity : Number(issuedBefore),
      endsAtSeconds: Number(endsAt),
    },
  };
}
