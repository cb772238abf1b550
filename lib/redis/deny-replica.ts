import type { DenyRecord } from '../revocation/deny-record.js';
import { covers, type DenyRecords } from '../revocation/deny-records.js';
import type { Clock } from '../runtime/clock.js';
import { type DenyLog, PAGE_SIZE } from './deny-log.js';

/** Of one write-back; the next reading goes on. */
const MAX_ROUNDS = 200;

/**
 * The copy of the deny-list in this process, and which of its records Redis may lack. A record counts as shared once it has
 * been read from Redis, and not before: a master that has acknowledged it may fail before a replica has it.
 */
export class DenyReplica {
  readonly #log: DenyLog;
  readonly #records: DenyRecords;
  readonly #clock: Clock;
  readonly #unshared = new Set<string>();
  /** Of those, the ones that a reading has not found although it began after they were appended. */
  #missing = new Set<string>();
  #readAt = { wallMs: -Infinity, steadyMs: -Infinity };

  constructor(log: DenyLog, records: DenyRecords, clock: Clock) {
    this.#log = log;
    this.#records = records;
    this.#clock = clock;
  }

  /** Whether Redis lacks records that this process has. */
  get isMissingAny(): boolean {
    return this.#missing.size > 0;
  }

  /** By two clocks: that of the machine may step back, and the steady one stands still while the machine sleeps. */
  isFresh(maxAgeMs: number): boolean {
    const { wallMs, steadyMs } = this.#readAt;
    return this.#clock() - wallMs <= maxAgeMs && performance.now() - steadyMs <= maxAgeMs;
  }

  /**
   * Adds a record here at once, and then in Redis.
   *
   * @returns whether there was room in Redis
   * @throws Error when Redis does not answer; the record is written back later
   */
  async add(record: DenyRecord, maxEntries: number): Promise<boolean> {
    const { key } = record;
    const wasShared = !this.#unshared.has(key);
    this.#records.add(record);
    this.#unshared.add(key);
    const whole = this.#records.get(key) ?? record;
    const isAppended = await this.#log.append(whole, this.#nowSeconds(), maxEntries);
    if (!isAppended && wasShared) this.#unshared.delete(key);
    return isAppended;
  }

  /**
   * Reads what is new. One call at a time.
   *
   * @throws Error when Redis does not answer
   */
  async read(): Promise<void> {
    this.#missing = new Set(this.#unshared);
    for (;;) {
      const askedAt = { wallMs: this.#clock(), steadyMs: performance.now() };
      const { isContinuous, records, isLast } = await this.#log.read(this.#nowSeconds());
      if (!isContinuous) this.#doubtAll();
      for (const record of records) this.#take(record);
      if (!isLast) continue;
      this.#readAt = askedAt;
      this.#records.prune(this.#nowSeconds());
      return;
    }
  }

  /**
   * Appends the records that Redis lacks. Several instances may do so at once; each record is appended by one of them.
   *
   * @param read reads what is new
   * @returns how many this one has appended
   * @throws Error when Redis does not answer
   */
  async writeBack(read: () => Promise<void>): Promise<number> {
    let count = 0;
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const batch = this.#nextMissing();
      if (batch.length === 0) break;
      if (await this.#log.appendNext(batch, this.#nowSeconds())) count += batch.length;
      await read();
    }
    return count;
  }

  #take(record: DenyRecord): void {
    const { key } = record;
    this.#records.add(record);
    if (!covers(record, this.#records.get(key) ?? record)) return;
    this.#unshared.delete(key);
    this.#missing.delete(key);
  }

  /** Redis has lost entries, it does not say which: the reading that begins now finds the others. */
  #doubtAll(): void {
    for (const { key } of this.#records.values()) {
      this.#unshared.add(key);
      this.#missing.add(key);
    }
  }

  #nextMissing(): readonly DenyRecord[] {
    const nowSeconds = this.#nowSeconds();
    const batch: DenyRecord[] = [];
    for (const key of this.#missing) {
      const record = this.#records.get(key);
      if (record !== undefined && record.endsAtSeconds > nowSeconds) batch.push(record);
      else this.#forget(key);
      if (batch.length === PAGE_SIZE) break;
    }
    return batch;
  }

  #forget(key: string): void {
    this.#unshared.delete(key);
    this.#missing.delete(key);
  }

  #nowSeconds(): number {
    return this.#clock() / 1000;
  }
}
