import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type AcceptedNonce,
  type Clock,
  DpopUnavailableError,
  MemoryReplayStore,
  MemoryStorage,
  NonceService,
  type ReplayClaim,
  type ReplayOutcome,
  ReplayStore,
} from 'nestjs-dpop';
import { RedisStorage } from 'nestjs-dpop/redis';
import {
  type ConformanceCheck,
  nonceServiceChecks,
  type NonceServiceSetUp,
  replayStoreChecks,
  type ReplayStoreSetUp,
} from 'nestjs-dpop/testing';
import { FixedNonceSecrets } from '../lib/nonce/fixed-nonce-secrets.js';
import { StatelessNonceService } from '../lib/nonce/stateless-nonce.service.js';
import { RedisServer } from './redis/redis-server.js';
import { SharedRedis } from './redis/shared-redis.js';
import { until } from './redis/until.js';

/** A slow machine must not look like an outage. */
const PATIENT_MS = 10_000;

describe('MemoryStorage conforms (F1, F2, F4, F6, F7)', () => {
  const open = () => new MemoryStorage().replayStore;
  const strict = { afterDataLoss: 'challenge' } as const;
  const checks = replayStoreChecks({
    open: () => new MemoryStorage(strict).replayStore,
    shared: false,
    lose: () => new MemoryReplayStore(strict),
  });
  test.each(checks)('$name', ({ run }) => run());

  test.each(replayStoreChecks({ open, shared: false }))('also by default: $name', ({ run }) => run());

  test('but by default it accepts a proof again after a restart, as its option says', async () => {
    const lossy = replayStoreChecks({ open, shared: false, lose: () => new MemoryReplayStore() });
    expect(await failuresOf(lossy)).toEqual(['accepts no proof again after it has lost its records']);
  });
});

describe('RedisStorage conforms (F1, F2, F4, F5, F6)', () => {
  let redis: SharedRedis;
  const storages = new Map<ReplayStore, RedisStorage>();
  beforeAll(async () => {
    redis = await SharedRedis.open();
  }, 30_000);
  afterAll(() => redis.close());

  const checks = replayStoreChecks({
    open: async (clock) => {
      const { url, keyPrefix } = redis;
      const storage = new RedisStorage(url, { keyPrefix, deadlineMs: PATIENT_MS, clock });
      await storage.open();
      storages.set(storage.replayStore, storage);
      return storage.replayStore;
    },
    close: async (store) => await storages.get(store)?.close(),
    lose: async () => {
      await redis.lose(redis.keyPrefix);
      return undefined;
    },
  });
  test.each(checks)('$name', ({ run }) => run());
});

describe('RedisStorage conforms while Redis stops (F5, F6)', () => {
  let server: RedisServer;
  const storages = new Map<ReplayStore, RedisStorage>();
  beforeAll(async () => {
    server = await RedisServer.start();
  }, 30_000);
  afterAll(() => server.close());

  const checks = replayStoreChecks({
    open: async (clock) => {
      const storage = new RedisStorage(server.url, { deadlineMs: 1000, clock });
      await storage.open();
      storages.set(storage.replayStore, storage);
      return storage.replayStore;
    },
    close: async (store) => await storages.get(store)?.close(),
    outage: {
      begin: () => server.freeze(),
      end: async () => {
        server.thaw();
        const [storage] = [...storages.values()].slice(-1);
        await until('Redis answers', () => storage?.ping().then(() => true));
      },
    },
  });
  test.each(checks.filter(({ name }) => name.includes('outage')))('$name', ({ run }) => run());

  test('with checks of an outage among all of them', () => {
    expect(checks.filter(({ name }) => name.includes('outage'))).toHaveLength(1);
  });
});

/** The parts of a database table with which the broken stores work. All instances see the same one. */
class Table {
  readonly records = new Map<string, number>();
  readonly recorded = new Map<string, number>();
  epoch = randomBytes(6).toString('base64url');
  isDown = false;

  lose(): void {
    this.records.clear();
    this.epoch = randomBytes(6).toString('base64url');
  }
}

/** A store that conforms, in a few lines. Each broken one below changes one thing. */
class TableStore extends ReplayStore {
  constructor(
    protected readonly table: Table,
    protected readonly clock: Clock,
  ) {
    super();
  }

  override async claim(claim: ReplayClaim): Promise<ReplayOutcome> {
    if (this.table.isDown) throw new Error('the database is down');
    if (this.table.records.has(this.keyOf(claim))) return 'replayed';
    if (claim.epoch !== this.table.epoch) return 'unknown';
    this.table.records.set(this.keyOf(claim), claim.freshUntilSeconds);
    return 'first';
  }

  override epochOf(): string {
    return this.table.epoch;
  }

  protected keyOf({ id }: ReplayClaim): string {
    return id;
  }
}

type StoreClass = new (table: Table, clock: Clock) => ReplayStore;

function setUpTable(Store: StoreClass, isShared = true): ReplayStoreSetUp {
  const table = new Table();
  return {
    open: (clock) => new Store(isShared ? table : new Table(), clock),
    lose: () => {
      table.lose();
      return undefined;
    },
    outage: {
      begin: () => void (table.isDown = true),
      end: () => void (table.isDown = false),
    },
  };
}

/** The names of the checks that fail. */
async function failuresOf(checks: readonly ConformanceCheck[]): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const { name, run } of checks) await run().catch(() => failed.push(name));
  return failed;
}

describe('a broken store does not conform', () => {
  const FIRST = 'answers "first" for a new proof, and "replayed" for the same proof on any instance';
  const RACE = 'answers "first" once when 1,000 copies of a proof arrive at the same time';
  const MANY = 'answers "first" for 1,000 different proofs that arrive at the same time';
  const CASE = 'tells ids apart that differ in the case of one letter';
  const KEPT = 'keeps a record until the last second in which the proof is fresh';
  const LONG = 'keeps the record of a proof that is fresh for an hour until its last second';
  const TAIL = 'tells ids apart whose first 15 characters are the same';
  const FLOOD = 'keeps a record while 5,000 others are added';
  const RULES = 'finds the record of an instance with another maxAgeSeconds';
  const CLOCKS = 'finds a record when the clock of an instance is behind or ahead';
  const EPOCH = 'has an epoch of 8 characters of base64url, which stays while nothing is lost';
  const LOSS = 'accepts no proof again after it has lost its records';
  const RETRY = 'accepts a new proof after a loss, with one new nonce at most';
  const NEW_EPOCH = 'has another epoch after a loss, for each client';
  const OUTAGE = 'accepts no proof during an outage, and none a second time after it';

  test('one that is not broken does', async () => {
    const checks = replayStoreChecks(setUpTable(TableStore));
    expect(checks.map(({ name }) => name)).toEqual([
      ...[FIRST, RACE, MANY, CASE, TAIL, KEPT, LONG, RULES, CLOCKS, EPOCH, FLOOD],
      ...[LOSS, RETRY, NEW_EPOCH, OUTAGE],
    ]);
    expect(await failuresOf(checks)).toStrictEqual([]);
  });

  const broken: readonly (readonly [string, readonly string[], StoreClass])[] = [
    [
      'looks, waits, and then writes',
      [RACE],
      class extends TableStore {
        override async claim(claim: ReplayClaim): Promise<ReplayOutcome> {
          const isKnown = this.table.records.has(claim.id);
          await Promise.resolve();
          if (isKnown) return 'replayed';
          await super.claim(claim);
          return 'first';
        }
      },
    ],
    [
      'keeps the newest thousand',
      [FLOOD],
      class extends TableStore {
        override async claim(claim: ReplayClaim): Promise<ReplayOutcome> {
          const outcome = await super.claim(claim);
          const { records } = this.table;
          const [oldest] = records.keys();
          if (records.size > 1000 && oldest !== undefined) records.delete(oldest);
          return outcome;
        }
      },
    ],
    [
      'keeps a record for 30 seconds',
      [KEPT],
      class extends TableStore {
        override async claim(claim: ReplayClaim): Promise<ReplayOutcome> {
          for (const [id, end] of this.table.records) {
            if (end - 30 < claim.nowSeconds) this.table.records.delete(id);
          }
          return await super.claim(claim);
        }
      },
    ],
    [
      'drops a record a second too early',
      [KEPT],
      class extends TableStore {
        override async claim(claim: ReplayClaim): Promise<ReplayOutcome> {
          for (const [id, end] of this.table.records) {
            if (end <= claim.nowSeconds) this.table.records.delete(id);
          }
          return await super.claim(claim);
        }
      },
    ],
    [
      'keeps each record for 100 seconds, whatever the proof says',
      [LONG],
      class extends TableStore {
        override async claim(claim: ReplayClaim): Promise<ReplayOutcome> {
          for (const [id, recorded] of this.table.recorded)
            if (recorded + 100 < claim.nowSeconds) this.table.records.delete(id);
          const outcome = await super.claim(claim);
          if (outcome === 'first') this.table.recorded.set(claim.id, claim.nowSeconds);
          return outcome;
        }
      },
    ],
    [
      'keeps the first 15 characters of an id',
      [TAIL],
      class extends TableStore {
        protected override keyOf({ id }: ReplayClaim): string {
          return id.slice(0, 15);
        }
      },
    ],
    [
      'compares without regard to case',
      [CASE],
      class extends TableStore {
        protected override keyOf({ id }: ReplayClaim): string {
          return id.toLowerCase();
        }
      },
    ],
    [
      'has one record for each client',
      [MANY],
      class extends TableStore {
        protected override keyOf({ jkt }: ReplayClaim): string {
          return jkt;
        }
      },
    ],
    [
      'writes records under the end of their freshness',
      [RULES],
      class extends TableStore {
        protected override keyOf({ id, freshUntilSeconds }: ReplayClaim): string {
          return `${freshUntilSeconds}:${id}`;
        }
      },
    ],
    [
      'writes records under the present',
      [CLOCKS, KEPT],
      class extends TableStore {
        protected override keyOf({ id, nowSeconds }: ReplayClaim): string {
          return `${Math.floor(nowSeconds / 20)}:${id}`;
        }
      },
    ],
    [
      'accepts everything during an outage',
      [OUTAGE],
      class extends TableStore {
        override async claim(claim: ReplayClaim): Promise<ReplayOutcome> {
          return await super.claim(claim).catch(() => 'first' as const);
        }
      },
    ],
    [
      'keeps its epoch over a loss',
      [LOSS, NEW_EPOCH],
      class extends TableStore {
        override async claim(claim: ReplayClaim): Promise<ReplayOutcome> {
          return await super.claim({ ...claim, epoch: this.table.epoch });
        }
        override epochOf(): string {
          return 'AAAAAAAA';
        }
      },
    ],
    [
      'never accepts again after a loss',
      [RETRY],
      class extends TableStore {
        private readonly begun = this.table.epoch;
        override async claim(claim: ReplayClaim): Promise<ReplayOutcome> {
          const outcome = await super.claim(claim);
          return outcome === 'first' && this.table.epoch !== this.begun ? 'unknown' : outcome;
        }
      },
    ],
    [
      'has a new epoch each time',
      [EPOCH],
      class extends TableStore {
        override async claim(claim: ReplayClaim): Promise<ReplayOutcome> {
          return await super.claim({ ...claim, epoch: claim.epoch && this.table.epoch });
        }
        override epochOf(): string {
          return randomBytes(6).toString('base64url');
        }
      },
    ],
    [
      'answers with what its database says',
      [FIRST],
      class extends TableStore {
        override async claim(claim: ReplayClaim): Promise<ReplayOutcome> {
          return ((await super.claim(claim)) === 'first' ? 'OK' : null) as unknown as ReplayOutcome;
        }
      },
    ],
  ];

  test.each(broken)('one that %s', async (_what, expected, Store) => {
    expect(await failuresOf(replayStoreChecks(setUpTable(Store)))).toEqual(
      expect.arrayContaining([...expected]),
    );
  });

  test('one whose instances share nothing, and says that they do', async () => {
    const failed = await failuresOf(replayStoreChecks(setUpTable(TableStore, false)));
    expect(failed).toEqual(expect.arrayContaining([FIRST, RACE]));
  });

  test('one that hangs during an outage fails in time, and conforms', async () => {
    class HangingStore extends TableStore {
      override readonly deadlineMs = 1;
      override claim(claim: ReplayClaim): Promise<ReplayOutcome> {
        return this.table.isDown ? new Promise(() => {}) : super.claim(claim);
      }
    }
    expect(await failuresOf(replayStoreChecks(setUpTable(HangingStore)))).toStrictEqual([]);
  });

  test('the second in which a record is missed is told', async () => {
    class ForgetfulStore extends TableStore {
      override async claim(claim: ReplayClaim): Promise<ReplayOutcome> {
        if (claim.nowSeconds > claim.proofTimeSeconds + 1700) this.table.records.delete(claim.id);
        return await super.claim(claim);
      }
    }
    const check = replayStoreChecks(setUpTable(ForgetfulStore)).find(({ name }) => name === LONG);
    await expect(check?.run()).rejects.toThrow(
      /answered "first" 200[01] s after the proof was recorded; it is fresh for 360[01] s/,
    );
  });

  test('the number of live records is that of the set-up', async () => {
    class SmallStore extends TableStore {
      override async claim(claim: ReplayClaim): Promise<ReplayOutcome> {
        const outcome = await super.claim(claim);
        const { records } = this.table;
        const [oldest] = records.keys();
        if (records.size > 5500 && oldest !== undefined) records.delete(oldest);
        return outcome;
      }
    }
    const checks = (liveRecords: number) => replayStoreChecks({ ...setUpTable(SmallStore), liveRecords });
    expect(await failuresOf(checks(5000).filter(({ name }) => name === FLOOD))).toStrictEqual([]);
    const larger = 'keeps a record while 6,000 others are added';
    expect(await failuresOf(checks(6000).filter(({ name }) => name === larger))).toEqual([larger]);
  });

  const table = setUpTable(TableStore);
  test.each<readonly [string, object, string]>([
    ['without open', { ...table, open: undefined }, 'open is missing; it must be a function'],
    ['with lost', { ...table, lost: table.lose }, 'there is no member lost; the members are open, close'],
    ['with outages', { ...table, outages: table.outage }, 'there is no member outages'],
    ['with a lose that is no function', { ...table, lose: true }, 'lose must be a function'],
    ['with half an outage', { ...table, outage: { begin: () => {} } }, 'outage.end is missing'],
    ['with no live record', { ...table, liveRecords: 0 }, 'liveRecords must be a positive integer'],
  ])('a set-up %s is a TypeError that names the member', (_what, setUp, words) => {
    expect(() => replayStoreChecks(setUp as ReplayStoreSetUp)).toThrow(TypeError);
    expect(() => replayStoreChecks(setUp as ReplayStoreSetUp)).toThrow(words);
  });

  test('the reason is told', async () => {
    class FullStore extends TableStore {
      override claim(): Promise<ReplayOutcome> {
        throw new DpopUnavailableError('replay_store_full');
      }
    }
    const [check] = replayStoreChecks(setUpTable(FullStore));
    await expect(check?.run()).rejects.toThrow(DpopUnavailableError);
    class WordyStore extends TableStore {
      override claim(): Promise<ReplayOutcome> {
        return Promise.resolve('OK' as ReplayOutcome);
      }
    }
    const [wordy] = replayStoreChecks(setUpTable(WordyStore));
    await expect(wordy?.run()).rejects.toThrow('it answered OK');
  });
});

describe('nonce services', () => {
  const secret = randomBytes(32);

  const create = (clock: Clock, service = 'https://api.example.com') =>
    new StatelessNonceService({
      secrets: new FixedNonceSecrets([secret]),
      service,
      lifetimeSeconds: 60,
      clock,
    });
  const setUp: NonceServiceSetUp = {
    create: (clock) => create(clock),
    createForeign: (clock) => create(clock, 'https://other.example.com'),
  };

  test.each(nonceServiceChecks(setUp))('StatelessNonceService $name (E5, E7)', ({ run }) => run());

  const RECOGNISED = 'recognises a nonce at once, on each instance';
  const CHARACTERS = 'issues nonces of the characters that a header and a JSON string can carry';
  const EPOCH = 'returns the epoch that the nonce was issued with';
  const EXPIRY = 'recognises a nonce until it expires, and no longer';
  const RENEWAL = 'says that a renewal is due before a nonce expires, and not at once';
  const CLOCKS = 'recognises a nonce of an instance whose clock is 5 seconds ahead or behind';
  const FORGERY = 'recognises nothing that it has not issued, and throws no error';
  const FOREIGN = 'does not recognise a nonce of another service';

  /** Changes one thing about a service that conforms. */
  class ChangedService extends NonceService {
    constructor(
      protected readonly inner: NonceService,
      protected readonly clock: Clock,
    ) {
      super();
    }
    override get maxLifetimeSeconds(): number {
      return this.inner.maxLifetimeSeconds;
    }
    override issue(epoch?: string): string {
      return this.inner.issue(epoch);
    }
    override check(nonce: string): AcceptedNonce | undefined {
      return this.inner.check(nonce);
    }
  }

  type Changed = new (inner: NonceService, clock: Clock) => NonceService;
  const broken: readonly (readonly [string, readonly string[], Changed])[] = [
    [
      'forgets at once',
      [RECOGNISED],
      class extends ChangedService {
        override check(): undefined {
          return undefined;
        }
      },
    ],
    [
      'writes a space into its nonces',
      [CHARACTERS],
      class extends ChangedService {
        override issue(epoch?: string): string {
          return `${super.issue(epoch)} `;
        }
        override check(nonce: string): AcceptedNonce | undefined {
          return super.check(nonce.trim());
        }
      },
    ],
    [
      'drops the epoch',
      [EPOCH],
      class extends ChangedService {
        override issue(): string {
          return super.issue();
        }
      },
    ],
    [
      'lets nonces live for longer than it says',
      [EXPIRY],
      class extends ChangedService {
        override get maxLifetimeSeconds(): number {
          return 10;
        }
      },
    ],
    [
      'says a later end than it keeps',
      [EXPIRY],
      class extends ChangedService {
        override check(nonce: string): AcceptedNonce | undefined {
          const accepted = super.check(nonce);
          return accepted && { ...accepted, expiresAtSeconds: accepted.expiresAtSeconds + 30 };
        }
      },
    ],
    [
      'never says that a renewal is due',
      [RENEWAL],
      class extends ChangedService {
        override check(nonce: string): AcceptedNonce | undefined {
          const accepted = super.check(nonce);
          return accepted && { ...accepted, renewalDue: false };
        }
      },
    ],
    [
      'always says that a renewal is due',
      [RENEWAL],
      class extends ChangedService {
        override check(nonce: string): AcceptedNonce | undefined {
          const accepted = super.check(nonce);
          return accepted && { ...accepted, renewalDue: true };
        }
      },
    ],
    [
      'takes what is shortened for what it issued',
      [FORGERY],
      class extends ChangedService {
        override check(nonce: string): AcceptedNonce | undefined {
          return super.check(nonce.trim());
        }
      },
    ],
    [
      'throws on what it does not know',
      [FORGERY],
      class extends ChangedService {
        override check(nonce: string): AcceptedNonce | undefined {
          const accepted = super.check(nonce);
          if (accepted === undefined) throw new Error('unknown nonce');
          return accepted;
        }
      },
    ],
    [
      'recognises only nonces of its own clock',
      [CLOCKS],
      class extends ChangedService {
        override issue(epoch?: string): string {
          return `${super.issue(epoch)}.${Math.floor(this.clock() / 1000)}`;
        }
        override check(nonce: string): AcceptedNonce | undefined {
          const [inner = '', issued] = nonce.split('.');
          return Number(issued) > this.clock() / 1000 ? undefined : super.check(inner);
        }
      },
    ],
  ];

  test.each(broken)('one that %s does not conform (E7)', async (_what, expected, Service) => {
    const change = (inner: NonceServiceSetUp['create']) => async (clock: Clock) =>
      new Service(await inner(clock), clock);
    const checks = nonceServiceChecks({ create: change(setUp.create) });
    expect(await failuresOf(checks)).toEqual(expect.arrayContaining([...expected]));
  });

  test('one that recognises the nonces of another service does not conform (E5)', async () => {
    const checks = nonceServiceChecks({ ...setUp, createForeign: setUp.create });
    expect(await failuresOf(checks)).toEqual([FOREIGN]);
  });
});
