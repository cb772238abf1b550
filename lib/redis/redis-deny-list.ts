import { assertFunction, assertInteger, fail } from '../errors/option-asserts.js';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { DenyList, type DenyListOptions, type RevocationEntry } from '../revocation/deny-list.js';
import { parseDenyListOptions } from '../revocation/deny-list-options.js';
import { createDenyRecord } from '../revocation/deny-record.js';
import { DenyRecords } from '../revocation/deny-records.js';
import { denyListFull, NOT_REVOKED } from '../revocation/memory-deny-list.js';
import type { RevocableToken } from '../revocation/revocation.checker.js';
import { type Clock, systemClock } from '../runtime/clock.js';
import { DenyLog } from './deny-log.js';
import { DENY_PROBE_SCRIPT } from './deny-log-scripts.js';
import { DenyReplica } from './deny-replica.js';
import { RedisConnection } from './redis-connection.js';
import { DENY_LIST_COMMANDS, describeFailure } from './redis-failure.js';
import type { RedisSource } from './redis-source.js';

export interface RedisDenyListOptions extends DenyListOptions {
  /** Prefix of the key, default `dpop:`. Services with the same prefix share their entries. */
  readonly keyPrefix?: string;
  /** How long Redis may take to answer, in milliseconds, default 250. */
  readonly deadlineMs?: number;
  /**
   * How old the copy of the list may be by which this process answers, in milliseconds, 100 to 60000, default 1000. The
   * process reads what is new four times as often. When its copy is older, it answers 503, unless Redis answers in time.
   */
  readonly maxStalenessMs?: number;
  /** Returns milliseconds since the Unix epoch, default the clock of the module. For tests. */
  readonly clock?: Clock;
}

/** How often an instance reads within `maxStalenessMs`: several readings may fail before it answers 503. */
const READINGS_PER_STALENESS = 4;
const KEY = 'deny-list';

/**
 * A deny-list of a fleet in Redis 6.2 or later, or Valkey: standalone, with Sentinel, or a Cluster. Each process answers from
 * a copy in its memory, at no cost in round trips, and reads what is new several times a second. Redis has digests of the
 * entries. When Redis has lost entries, each process that has them writes them back.
 *
 * @example
 * ```ts
 * const denyList = new RedisDenyList('redis://localhost:6379', { maxTokenLifetimeSeconds: 3600 });
 * ```
 * @param source as for `RedisStorage`; a client of the app is never closed
 * @throws TypeError that names the option and the accepted form
 */
export class RedisDenyList extends DenyList {
  override readonly deadlineMs: number;
  readonly #connection: RedisConnection;
  override readonly maxTokenLifetimeSeconds: number;
  readonly #records: DenyRecords;
  readonly #replica: DenyReplica;
  readonly #options: ParsedOptions;
  #clock: Clock | undefined;
  #reading: Promise<void> | undefined;
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #warn: (text: string) => void = () => {};
  #hasWarned = false;

  constructor(source: RedisSource, options: RedisDenyListOptions) {
    super();
    this.#options = parseOptions(options);
    const { keyPrefix, deadlineMs, maxTokenLifetimeSeconds } = this.#options;
    this.#clock = options.clock;
    this.deadlineMs = deadlineMs;
    this.maxTokenLifetimeSeconds = maxTokenLifetimeSeconds;
    this.#connection = new RedisConnection(source, deadlineMs, 'RedisDenyList');
    this.#records = new DenyRecords(maxTokenLifetimeSeconds);
    const log = new DenyLog(this.#connection, `${keyPrefix}${KEY}`);
    this.#replica = new DenyReplica(log, this.#records, () => this.#nowMs());
    this.#connection.onConnected(() => this.#readInBackground());
  }

  /** The number of entries that this process knows. */
  get size(): number {
    return this.#records.size;
  }

  /** Connects, reads the list, and warns the operator about what is wrong with Redis. A service starts without Redis. */
  override async open(warn: (text: string) => void = () => {}, clock: Clock = systemClock): Promise<void> {
    this.#clock ??= clock;
    this.#warn = warn;
    await this.#connection.open();
    try {
      await this.#inspect();
      await this.#readOnce();
    } catch (error) {
      const { advice } = describeFailure(error, DENY_LIST_COMMANDS);
      warn(`${advice}; until this is solved, the service has no deny-list and answers 503`);
    }
    const everyMs = this.#options.maxStalenessMs / READINGS_PER_STALENESS;
    this.#timer = setInterval(() => this.#readInBackground(), everyMs).unref();
  }

  /** Answers at once if the copy is fresh, or has the token; otherwise once the copy has been read anew. */
  override isRevoked(token: RevocableToken): boolean | Promise<boolean> {
    if (this.#records.has(token)) return true;
    return this.#isFresh() ? false : this.#isRevokedAfterReading(token);
  }

  override async revoke(entry: RevocationEntry): Promise<void> {
    const { maxTokenLifetimeSeconds, maxEntries } = this.#options;
    const nowSeconds = this.#nowMs() / 1000;
    const record = createDenyRecord(entry, nowSeconds, maxTokenLifetimeSeconds);
    // All tokens that the entry is about have expired.
    if (record.endsAtSeconds <= nowSeconds) return;
    if (!this.#records.hasRoomFor(record, maxEntries, nowSeconds)) throw denyListFull(maxEntries);
    const hasRoom = await unavailableWithout(() => this.#replica.add(record, maxEntries), NOT_REVOKED);
    if (!hasRoom) throw denyListFull(maxEntries);
  }

  /**
   * Reads what is new at once, and writes back what Redis has lost. The list does so by itself; for tests.
   *
   * @throws DpopUnavailableError when Redis does not answer within the deadline
   */
  async refresh(): Promise<void> {
    // A reading that has begun may miss what the caller knows of.
    await this.#reading?.catch(() => {});
    await unavailableWithout(() => this.#readOnce());
    await this.#writing;
  }

  /** @throws DpopUnavailableError when Redis does not answer within the deadline */
  override ping(): Promise<void> {
    return unavailableWithout(() => this.#readOnce());
  }

  override async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#connection.close();
  }

  async #isRevokedAfterReading(token: RevocableToken): Promise<boolean> {
    await unavailableWithout(() => this.#readOnce());
    if (this.#isFresh()) return this.#records.has(token);
    throw new DpopUnavailableError('revocation_unavailable', {
      advice: `the copy of the deny-list is older than maxStalenessMs, ${this.#options.maxStalenessMs} ms`,
    });
  }

  #isFresh(): boolean {
    return this.#replica.isFresh(this.#options.maxStalenessMs);
  }

  #readInBackground(): void {
    this.#readOnce().catch(() => {
      // Requests tell of it once the copy is too old.
    });
  }

  /** Concurrent calls share one reading. */
  #readOnce(): Promise<void> {
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #read(): Promise<void> {
    await this.#replica.read();
    if (this.#replica.isMissingAny) this.#writing ??= this.#writeBack();
    // Another instance may have written back what this one could not.
    else this.#hasWarned = false;
  }

  /** Never rejects, and no request waits for it: the copy here is complete. */
  async #writeBack(): Promise<void> {
    try {
      const count = await this.#replica.writeBack(() => this.#readOnce());
      if (count > 0)
        this.#warn(`Redis lacked ${count} entries of the deny-list; they have been written back`);
      this.#hasWarned = false;
    } catch (error) {
      const { advice } = describeFailure(error, DENY_LIST_COMMANDS);
      // Tried again with each reading.
      if (!this.#hasWarned) this.#warn(`Redis lacks entries of the deny-list, and takes none: ${advice}`);
      this.#hasWarned = true;
    } finally {
      this.#writing = undefined;
    }
  }

  async #inspect(): Promise<void> {
    const key = `${this.#options.keyPrefix}${KEY}`;
    const denied = String(await this.#connection.evaluate(DENY_PROBE_SCRIPT, [`${key}:probe`], []));
    if (denied === '') return;
    this.#warn(`Redis denies commands of the deny-list to its ACL user: allow ${denied} on the keys ${key}*`);
  }

  #nowMs(): number {
    return (this.#clock ?? systemClock)();
  }
}

type ParsedOptions = Required<Omit<RedisDenyListOptions, 'clock'>>;

function parseOptions(options: RedisDenyListOptions): ParsedOptions {
  const names = ['keyPrefix', 'deadlineMs', 'maxStalenessMs', 'clock'];
  const parsed = parseDenyListOptions(options, 'RedisDenyList', names);
  const { keyPrefix = 'dpop:', deadlineMs = 250, maxStalenessMs = 1000, clock = systemClock } = options;
  if (typeof keyPrefix !== 'string') fail('keyPrefix', 'a string');
  assertInteger(deadlineMs, 'deadlineMs', 1, 60_000);
  assertInteger(maxStalenessMs, 'maxStalenessMs', 100, 60_000);
  assertFunction(clock, 'clock', 'a function that returns milliseconds since the epoch');
  return { ...parsed, keyPrefix, deadlineMs, maxStalenessMs };
}

async function unavailableWithout<T>(redis: () => Promise<T>, sentence?: string): Promise<T> {
  try {
    return await redis();
  } catch (cause) {
    const { advice } = describeFailure(cause, DENY_LIST_COMMANDS);
    throw new DpopUnavailableError('revocation_unavailable', {
      cause,
      advice,
      ...(sentence !== undefined && { sentence }),
    });
  }
}
