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
  /** How many live records the store must keep beside each other. Default 5000. */
  readonly liveRecords?: number;
  /**
   * Lets time pass for a store with a clock of its own, such as the expiry of a database. One check lets an hour pass, in steps
   * of 400 seconds. The clock of the claims advances by itself.
   */
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

const IS_FUNCTION = [(value: unknown) => typeof value === 'function', 'a function'] as const;

const MEMBERS = {
  open: IS_FUNCTION,
  close: IS_FUNCTION,
  shared: [(value: unknown) => typeof value === 'boolean', 'a boolean'],
  liveRecords: [(value: unknown) => Number.isSafeInteger(value) && Number(value) > 0, 'a positive integer'],
  advance: IS_FUNCTION,
  lose: IS_FUNCTION,
  outage: [(value: unknown) => typeof value === 'object' && value !== null, 'an object with begin and end'],
} as const satisfies Record<keyof ReplayStoreSetUp, readonly [(value: unknown) => boolean, string]>;

const OUTAGE_MEMBERS = { begin: IS_FUNCTION, end: IS_FUNCTION };

type Members = Readonly<Record<string, readonly [(value: unknown) => boolean, string]>>;

/** A check that is left out because of a misspelt name would look like one that holds. @throws TypeError */
export function assertReplayStoreSetUp(setUp: ReplayStoreSetUp): void {
  assertMembers(setUp, MEMBERS, ['open'], '');
  if (setUp.outage !== undefined) assertMembers(setUp.outage, OUTAGE_MEMBERS, ['begin', 'end'], 'outage.');
}

function assertMembers(given: object, members: Members, required: readonly string[], path: string): void {
  const values = new Map<string, unknown>(Object.entries(given));
  for (const name of required)
    if (values.get(name) === undefined)
      throw new TypeError(`replayStoreChecks: ${path}${name} is missing; it must be ${members[name]?.[1]}`);
  for (const [name, value] of values) {
    const member = Object.hasOwn(members, name) ? members[name] : undefined;
    if (member === undefined)
      throw new TypeError(
        `replayStoreChecks: there is no member ${path}${name}; the members are ${Object.keys(members).join(', ')}`,
      );
    const [accepts, kind] = member;
    if (value !== undefined && !accepts(value))
      throw new TypeError(`replayStoreChecks: ${path}${name} must be ${kind}`);
  }
}
