import { beforeEach, describe, expect, test } from '@jest/globals';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import type { DpopStorage } from '../storage/dpop.storage.js';
import { NonceService } from '../nonce/nonce.service.js';
import { ReplayStore } from '../storage/replay.store.js';
import { MemoryStorage } from '../storage/memory.storage.js';
import { RevocationChecker } from '../revocation/revocation.checker.js';
import { DpopSessions } from '../sessions/dpop-sessions.js';
import type { DpopVerdict } from '../verification/verdict.js';
import { DpopModule } from './dpop.module.js';

let events: string[];
const write =
  (level: string) =>
  (text: unknown, ...rest: unknown[]): void => {
    if (rest.at(-1) === 'DpopModule') events.push(`${level} ${String(text)}`);
  };
/** Nest writes what a hook throws, without a context. */
const writeError = (text: unknown): void => void events.push(`error ${String(text)}`);
const logger = { log: write('log'), warn: write('warn'), error: writeError };

beforeEach(() => {
  events = [];
});

class OwnVerifier extends AccessTokenVerifier {
  constructor(private readonly opening: () => Promise<void> = () => Promise.resolve()) {
    super();
  }

  override verify(): AccessTokenClaims {
    return {};
  }

  override async open(warn: (text: string) => void): Promise<void> {
    await this.opening();
    warn('opened');
  }

  override close(): void {
    events.push('verifier closed');
  }
}

class OwnStorage implements DpopStorage {
  readonly shared = true;
  readonly replayStore = new MemoryStorage().replayStore;

  open(warn: (text: string) => void, clock: () => number): void {
    warn(`storage at ${clock()}`);
  }

  close(): void {
    events.push('storage closed');
  }
}

const OWN = new OwnVerifier();

class Revocation extends RevocationChecker {
  constructor(private readonly answer: () => boolean) {
    super();
  }

  override isRevoked(): boolean {
    return this.answer();
  }
}

/** Starts an app without a server, and closes it. */
async function run(options: Partial<DpopModuleOptions>, module?: DynamicModule): Promise<void> {
  const dpop =
    module ??
    DpopModule.forRoot({ origin: 'https://api.example.com', accessToken: new OwnVerifier(), ...options });
  const app = await NestFactory.createApplicationContext(dpop, { logger, abortOnError: false });
  events.push('started');
  await app.close();
}

describe('the life of the module', () => {
  test('opens and closes verifier and storage, which warn by its logger (F7)', async () => {
    await run({ storage: new OwnStorage(), clock: () => 7 });
    expect(events).toEqual([
      'warn storage at 7',
      'warn opened',
      'started',
      'verifier closed',
      'storage closed',
    ]);
  });

  test('warns of a memory that is not shared, and of a log that shows what clients sent (F7, D9)', async () => {
    await run({ logReceivedValues: true });
    expect(events.filter((event) => /^warn (?!opened)/.test(event))).toEqual([
      'warn logReceivedValues is on: the log shows what clients sent with refused requests. Turn it off in production',
      'warn Replay records are kept in the memory of this process: a second instance of the service would accept each proof once more. ' +
        'For several instances, use RedisStorage of nestjs-dpop/redis; see "Replay and Redis" in the documentation',
    ]);
  });

  test('warns of a service that only reports (K1)', async () => {
    await run({ enforcement: 'report', storage: new OwnStorage() });
    expect(events).toContain(
      "warn enforcement: 'report' is on: DpopGuard lets every request through, and tells what it would have refused. Set 'enforce' once the log is quiet",
    );
  });

  test('opens and closes only what can be opened and closed (F7)', async () => {
    const { replayStore } = new MemoryStorage();
    const options = {
      origin: 'https://life.example.com',
      accessToken: OWN,
      storage: { replayStore, shared: true },
      revocation: new Revocation(() => false),
    };
    class Unopened extends AccessTokenVerifier {
      override verify(): AccessTokenClaims {
        return {};
      }
    }
    const testing = await Test.createTestingModule({ imports: [DpopModule.forRoot(options)] })
      .overrideProvider(AccessTokenVerifier)
      .useValue(new Unopened())
      .setLogger(logger)
      .compile();
    await testing.init();
    await testing.close();
    expect(events).toStrictEqual([]);
  });

  test('may end before it has begun', async () => {
    const storage = new OwnStorage();
    const dpop = DpopModule.forRoot({ origin: 'https://early.example.com', accessToken: OWN, storage });
    const app = await NestFactory.create(dpop, { logger, abortOnError: false });
    await app.close();
    expect(events).toEqual(['verifier closed', 'storage closed']);
  });

  test('goes on where a verifier does not open (B8)', async () => {
    const accessToken = new OwnVerifier(() => Promise.reject(new Error('quoted')));
    await run({ accessToken, storage: new OwnStorage() });
    expect(events).toContain('warn AccessTokenVerifier.open failed; the service starts nevertheless');
    expect(events).toContain('started');
  });
});

describe('sessions (B9)', () => {
  const verdict = { claims: {} } as DpopVerdict;

  /** How the session of a token ended that an app watches for some time. */
  async function endOf(options: Partial<DpopModuleOptions>): Promise<readonly string[]> {
    const ends: string[] = [];
    const storage = new OwnStorage();
    const dpop = DpopModule.forRoot({
      origin: 'https://sessions.example.com',
      accessToken: new OwnVerifier(),
      storage,
      ...options,
    });
    const app = await NestFactory.createApplicationContext(dpop, { logger: false, abortOnError: false });
    const sessions = app.get(DpopSessions);
    sessions.watch(verdict, (reason) => ends.push(reason));
    for (let count = 0; count < 20; count += 1) {
      sessions.tick();
      await new Promise(setImmediate);
    }
    await app.close();
    return ends;
  }

  test('end with a token that is revoked, and never without a checker', async () => {
    expect(await endOf({})).toStrictEqual([]);
    expect(await endOf({ revocation: new Revocation(() => false) })).toStrictEqual([]);
    expect(await endOf({ revocation: new Revocation(() => true) })).toEqual(['token_revoked']);
  });

  test('follow the option about a checker that fails', async () => {
    const revocation = new Revocation(() => {
      throw new Error('down');
    });
    expect(await endOf({ revocation })).toEqual(['revocation_unavailable']);
    expect(await endOf({ revocation, onRevocationFailure: 'accept-and-report' })).toStrictEqual([]);
  });

  test('are watched no longer once the app has ended', async () => {
    const ends: string[] = [];
    const storage = new OwnStorage();
    const dpop = DpopModule.forRoot({ origin: 'https://ending.example.com', accessToken: OWN, storage });
    const app = await NestFactory.createApplicationContext(dpop, { logger: false, abortOnError: false });
    const sessions = app.get(DpopSessions);
    sessions.watch({ ...verdict, claims: { exp: 1 } }, (reason) => ends.push(reason));
    await app.close();
    sessions.tick();
    expect(ends).toStrictEqual([]);
  });
});

describe('what the module provides (I4)', () => {
  test('is made of the options, and is one for equal options', async () => {
    const options: DpopModuleOptions = { origin: 'https://provides.example.com', accessToken: OWN };
    expect(DpopModule.forRoot({ ...options })).toBe(DpopModule.forRoot({ ...options }));
    const storage = new OwnStorage();
    const nonce = { mode: 'off', secret: Buffer.alloc(32, 1), lifetimeSeconds: 60 } as const;
    const create = (changes: Partial<DpopModuleOptions>) =>
      NestFactory.createApplicationContext(DpopModule.forRoot({ ...options, storage, ...changes }), {
        logger: false,
        abortOnError: false,
      });
    const [one, other, random] = [await create({ nonce }), await create({ nonce }), await create({})];
    expect(one.get(ReplayStore)).toBe(storage.replayStore);
    const issued = one.get(NonceService).issue();
    expect(other.get(NonceService).check(issued)).toBeDefined();
    expect(random.get(NonceService).check(issued)).toBeUndefined();
    expect(one.get(NonceService).maxLifetimeSeconds).toBe(180);
    for (const app of [one, other, random]) await app.close();
  });

  test('is refused without an object of options', () => {
    expect(() => DpopModule.forRoot(undefined as never)).toThrow(
      new TypeError('DpopModule.forRoot() must be given an object of options; it is undefined'),
    );
    expect(() => DpopModule.forRootAsync({})).toThrow(
      /^DpopModule\.forRootAsync\(\) must be given one of useFactory/,
    );
  });
});
