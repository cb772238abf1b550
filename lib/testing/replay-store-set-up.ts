import type { Clock } from '../runtime/clock.js';
import type { ReplayStore } from '../storage/replay.store.js';

type Awaitable<T> = T | Promise<T>;

/** How `replayStoreChecks` opens a store, and what it can do to it. */
export interface ReplayStoreSetUp {
  /**
   * Opens one instance of the store, as one instance of a service does. Instances share their records, unless `shared` is
   * `false`. Records of earlier checks may be there.
   *
   * @param clock returns milliseconds since the Unix epoch; the clock of the claims, which starts at the present
   */
  readonly open: (clock: Clock) => Awaitable<ReplayStore>;
  readonly close?: (store: ReplayStore) => Awaitable<void>;
  /** Whether several instances share their records. Default true. `false` for a store in the memory of one process. */
  readonly shared?: boolean;
  /** Lets time pass for a store with a clock of its own, such as the expiry of a database. The clock of the claims advances by itself. */
  readonly advance?: (seconds: number) => Awaitable<void>;
  /**
   * Makes the store lose all its records, as a restart or a flush does. Without it, there are no checks of losses.
   *
   * @returns the instance to go on with, if the open one is of no use any more
   */
  readonly lose?: (store: ReplayStore, clock: Clock) => Awaitable<ReplayStore | undefined>;
  /**
   * `begin` makes the store unreachable, and keeps its records. `end` resolves when it can be reached again. Without it, there
   * are no checks of outages.
   */
  readonly outage?: { readonly begin: () => Awaitable<void>; readonly end: () => Awaitable<void> };
}
