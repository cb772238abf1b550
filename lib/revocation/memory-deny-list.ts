import { DpopUnavailableError } from '../errors/dpop.error.js';
import { assertFunction } from '../errors/option-asserts.js';
import { type Clock, systemClock } from '../runtime/clock.js';
import { DenyList, type DenyListOptions, type RevocationEntry } from './deny-list.js';
import { parseDenyListOptions } from './deny-list-options.js';
import { createDenyRecord } from './deny-record.js';
import { DenyRecords } from './deny-records.js';
import type { RevocableToken } from './revocation.checker.js';

export interface MemoryDenyListOptions extends DenyListOptions {
  /** Returns milliseconds since the Unix epoch, default the clock of the module. For tests. */
  readonly clock?: Clock;
}

/**
 * A deny-list in the memory of one process. It loses its entries when the process ends, and other instances do not know
 * them; use the `RedisDenyList` of `nestjs-dpop/redis` there.
 *
 * @example
 * ```ts
 * const denyList = new MemoryDenyList({ maxTokenLifetimeSeconds: 3600 });
 * ```
 * @throws TypeError that names the option and the accepted form
 */
export class MemoryDenyList extends DenyList {
  override readonly maxTokenLifetimeSeconds: number;
  readonly #maxEntries: number;
  readonly #records: DenyRecords;
  #clock: Clock | undefined;

  constructor(options: MemoryDenyListOptions) {
    super();
    const { maxTokenLifetimeSeconds, maxEntries } = parseDenyListOptions(options, 'MemoryDenyList', [
      'clock',
    ]);
    const { clock } = options;
    if (clock !== undefined)
      assertFunction(clock, 'clock', 'a function that returns milliseconds since the epoch');
    this.maxTokenLifetimeSeconds = maxTokenLifetimeSeconds;
    this.#maxEntries = maxEntries;
    this.#records = new DenyRecords(maxTokenLifetimeSeconds);
    this.#clock = clock;
  }

  /** The number of entries. */
  get size(): number {
    return this.#records.size;
  }

  override open(warn: (text: string) => void, clock: Clock): void {
    this.#clock ??= clock;
    warn(
      'The deny-list is kept in the memory of this process: another instance of the service accepts a token that is revoked here, and so does this one after a restart. Use RedisDenyList of nestjs-dpop/redis; see "Revocation" in the documentation',
    );
  }

  override isRevoked(token: RevocableToken): boolean {
    return this.#records.has(token);
  }

  override async revoke(entry: RevocationEntry): Promise<void> {
    const nowSeconds = (this.#clock ?? systemClock)() / 1000;
    const record = createDenyRecord(entry, nowSeconds, this.maxTokenLifetimeSeconds);
    // All tokens that the entry is about have expired.
    if (record.endsAtSeconds <= nowSeconds) return;
    if (!this.#records.hasRoomFor(record, this.#maxEntries, nowSeconds)) throw denyListFull(this.#maxEntries);
    this.#records.add(record);
  }
}

/** What a caller of `revoke` reads in the error, and its client, if it is passed on. */
export const NOT_REVOKED = 'The revocation cannot be completed at the moment';

/** The error with which `revoke` rejects when there is no room. */
export function denyListFull(maxEntries: number): DpopUnavailableError {
  return new DpopUnavailableError('revocation_unavailable', {
    sentence: NOT_REVOKED,
    advice: `the deny-list holds maxEntries, ${maxEntries}, live entries and takes no other: raise maxEntries, or revoke by sub, sid or clientId in place of many a jti`,
  });
}
