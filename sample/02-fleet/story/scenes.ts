import type { Outcome, Scene } from '../../story/scene.js';
import { DEADLINE_MS } from '../api/app.module.js';
import { FleetClient } from '../client/fleet-client.js';
import { INSTANCES, type Stage } from '../stage.js';
import { type Exchange, type SentRequest, Wire } from './wire.js';

export interface Cast {
  readonly stage: Stage;
  readonly wire: Wire;
  readonly client: FleetClient;
  /** The maximum time of an answer without Redis. */
  readonly promptMs: number;
}

/** The deadline of Redis, and time for everything else on a busy machine. */
const PROMPT_MS = DEADLINE_MS + 750;

/** Creates the client, and the connection that the thief captures. */
export async function gatherCast(stage: Stage, promptMs = PROMPT_MS): Promise<Cast> {
  const wire = new Wire();
  return { stage, wire, promptMs, client: await FleetClient.create('client', stage.issuer, wire) };
}

const ACCOUNTS = { method: 'GET', path: '/accounts' } as const;
const TRANSFER = { method: 'POST', path: '/transfers' } as const;
const COPIES = 30;

const OK: Outcome = { status: 200 };
const CREATED: Outcome = { status: 201 };
const REPLAYED: Outcome = { status: 401, code: 'invalid_dpop_proof' };
const NONCE_DEMANDED: Outcome = { status: 401, code: 'use_dpop_nonce' };
const UNAVAILABLE: Outcome = { status: 503, code: 'temporarily_unavailable' };

export const SCENES: readonly Scene<Cast>[] = [
  {
    title: 'The first call on a fresh Redis',
    why: 'An empty Redis may have lost records. In the first minute the service therefore demands a nonce: a proof with this nonce is new.',
    expected: [NONCE_DEMANDED, OK],
    async play({ client }) {
      await client.call(ACCOUNTS);
    },
  },
  {
    title: 'One proof on each instance',
    why: 'The instances share their replay records in Redis. Each of them finds the record of the first.',
    expected: [OK, ...onEach(REPLAYED).slice(1)],
    async play({ wire, client }) {
      const request = await client.prepare(ACCOUNTS);
      const accepted = await client.deliver(request);
      const replayed = await replay(wire, request, INSTANCES - 1);
      assertEachInstance([accepted, ...replayed]);
    },
  },
  {
    title: `One proof, ${COPIES} copies at once`,
    why: 'Redis checks and records a proof in one atomic step. No second copy can come in between.',
    expected: [OK, ...Array.from({ length: COPIES - 1 }, () => REPLAYED)],
    async play({ wire, client }) {
      await wire.deliverAtOnce('client', await client.prepare(ACCOUNTS), COPIES, 'one proof');
    },
  },
  {
    title: 'A nonce of one instance on all of them',
    why: 'The instances share the nonce secret in Redis, so that each recognises the nonces of the others.',
    expected: [NONCE_DEMANDED, ...onEach(CREATED)],
    async play({ stage, wire }) {
      const client = await FleetClient.create('client', stage.issuer, wire);
      const challenged = await client.deliver(await client.prepare(TRANSFER));
      const note = `a new proof, with the nonce of ${challenged.instance}`;
      assertEachInstance(await inTurn(async () => client.deliver(await client.prepare(TRANSFER), note)));
    },
  },
  {
    title: 'Redis hangs, then continues',
    why: `Redis has ${DEADLINE_MS} ms to answer. After that the service answers 503, because it cannot know whether the proof is new. Redis has lost nothing.`,
    expected: [...onEach(UNAVAILABLE), OK],
    async play({ stage, wire, client, promptMs }) {
      stage.redis.hang();
      wire.note('Redis hangs (SIGSTOP).');
      try {
        assertUnavailable(await inTurn(async () => client.deliver(await client.prepare(ACCOUNTS))), promptMs);
      } finally {
        stage.redis.continue();
      }
      await awaitFleet(stage, wire, 'Redis continues (SIGCONT)');
      await client.call(ACCOUNTS);
    },
  },
  {
    title: 'Redis is killed',
    why: 'Without replay records the service accepts nothing. It answers 503 with Retry-After and not 401, so that the client keeps its token.',
    expected: onEach(UNAVAILABLE),
    async play({ stage, wire, client, promptMs }) {
      await stage.redis.kill();
      wire.note('Redis is killed (kill -9).');
      assertUnavailable(await inTurn(async () => client.deliver(await client.prepare(ACCOUNTS))), promptMs);
    },
  },
  {
    title: 'Redis is back',
    why: 'A restart may have lost records, so that the service demands a nonce once. The nonce is then valid on every instance.',
    expected: [NONCE_DEMANDED, ...onEach(OK)],
    async play({ stage, wire, client }) {
      await startRedis(stage, wire, 'Redis is started again, with its data');
      assertEachInstance(await inTurn(() => client.call(ACCOUNTS)).then(() => wire.latest(INSTANCES)));
    },
  },
  {
    title: 'A replay across a restart',
    why: 'Redis wrote the record to disk before the first copy was accepted. The client needs one new nonce.',
    expected: [OK, ...onEach(REPLAYED), NONCE_DEMANDED, OK],
    async play({ stage, wire, client }) {
      const captured = await client.call(ACCOUNTS);
      await stage.redis.kill();
      await startRedis(stage, wire, 'Redis is killed (kill -9) and started again, with its data');
      assertEachInstance(await replay(wire, captured));
      await client.call(ACCOUNTS);
    },
  },
  {
    title: 'A replay after Redis lost everything',
    why: 'The service notices that Redis has lost its records, and demands a nonce. The client can sign a new proof with the nonce; the thief cannot.',
    expected: [OK, ...onEach(NONCE_DEMANDED), NONCE_DEMANDED, OK],
    async play({ stage, wire, client }) {
      const captured = await client.call(ACCOUNTS);
      await stage.redis.killAndEmpty();
      await startRedis(stage, wire, 'Redis is killed (kill -9), its data deleted, and started again, empty');
      assertEachInstance(await replay(wire, captured));
      await client.call(ACCOUNTS);
    },
  },
];

/** The thief repeats the same request, byte for byte. */
function replay(wire: Wire, captured: SentRequest, times = INSTANCES): Promise<readonly Exchange[]> {
  return inTurn(() => wire.deliver('thief', captured, 'the same proof'), times);
}

/** Sends requests one after the other, so that the front passes each to the next instance. */
async function inTurn<T>(send: () => Promise<T>, times = INSTANCES): Promise<readonly T[]> {
  const results: T[] = [];
  while (results.length < times) results.push(await send());
  return results;
}

async function startRedis(stage: Stage, wire: Wire, event: string): Promise<void> {
  await stage.redis.start();
  await awaitFleet(stage, wire, event);
}

async function awaitFleet(stage: Stage, wire: Wire, event: string): Promise<void> {
  const sinceMs = performance.now();
  await stage.untilHealthy();
  const tookMs = Math.round(performance.now() - sinceMs);
  wire.note(`${event}. After ${tookMs} ms all instances are healthy, without a restart.`);
}

function onEach(outcome: Outcome): readonly Outcome[] {
  return Array.from({ length: INSTANCES }, () => outcome);
}

function assertEachInstance(exchanges: readonly Exchange[]): void {
  const { size } = new Set(exchanges.map(({ instance }) => instance));
  if (size < INSTANCES) throw new Error(`only ${size} of ${INSTANCES} instances answered`);
}

function assertUnavailable(exchanges: readonly Exchange[], promptMs: number): void {
  assertEachInstance(exchanges);
  for (const { durationMs, retryAfter } of exchanges) {
    if (retryAfter === undefined) throw new Error('a 503 without Retry-After');
    if (durationMs > promptMs) throw new Error(`the answer took ${Math.round(durationMs)} ms`);
  }
}
