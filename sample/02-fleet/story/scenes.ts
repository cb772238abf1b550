import type { Outcome, Scene } from '../../story/scene.js';
import { DEADLINE_MS } from '../api/app.module.js';
import { FleetClient } from '../client/fleet-client.js';
import { INSTANCES, type Stage } from '../stage.js';
import { type Exchange, type SentRequest, Wire } from './wire.js';

export interface Cast {
  readonly stage: Stage;
  readonly wire: Wire;
  readonly client: FleetClient;
  /** The longest that an answer without Redis may take. */
  readonly promptMs: number;
}

/** The deadline, and what a busy machine may take for everything else. */
const PROMPT_MS = DEADLINE_MS + 750;

/** The client that most scenes need, and the wire on which the thief listens. */
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
    why: 'For a minute, an empty Redis cannot tell whether a proof was used before it came; one with a nonce made since cannot have been.',
    expected: [NONCE_DEMANDED, OK],
    async play({ client }) {
      await client.call(ACCOUNTS);
    },
  },
  {
    title: 'One proof on each instance',
    why: 'The instances share one replay memory in Redis, so the second and the third know what the first accepted.',
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
    why: 'To look and to record is one atomic step in Redis: there is no instant between the two for a second copy to slip in.',
    expected: [OK, ...Array.from({ length: COPIES - 1 }, () => REPLAYED)],
    async play({ wire, client }) {
      await wire.deliverAtOnce('client', await client.prepare(ACCOUNTS), COPIES, 'one proof');
    },
  },
  {
    title: 'A nonce of one instance on all of them',
    why: 'The secret behind the nonces was made by the fleet and is shared through Redis, so each instance knows them all.',
    expected: [NONCE_DEMANDED, ...onEach(CREATED)],
    async play({ stage, wire }) {
      const client = await FleetClient.create('client', stage.issuer, wire);
      const challenged = await client.deliver(await client.prepare(TRANSFER));
      const note = `a new proof, with the nonce of ${challenged.instance}`;
      assertEachInstance(await inTurn(async () => client.deliver(await client.prepare(TRANSFER), note)));
    },
  },
  {
    title: 'Redis hangs, and goes on',
    why: `Without an answer in ${DEADLINE_MS} ms nobody knows whether the proof is new: refused, but never as the fault of the client; nothing was forgotten.`,
    expected: [...onEach(UNAVAILABLE), OK],
    async play({ stage, wire, client, promptMs }) {
      stage.redis.hang();
      wire.tell('Redis hangs (SIGSTOP)');
      try {
        assertUnavailable(await inTurn(async () => client.deliver(await client.prepare(ACCOUNTS))), promptMs);
      } finally {
        stage.redis.continue();
      }
      await awaitFleet(stage, wire, 'Redis goes on (SIGCONT)');
      await client.call(ACCOUNTS);
    },
  },
  {
    title: 'Redis is killed',
    why: 'Closed, not open: without replay memory nothing is accepted; a 503 with Retry-After keeps the client from throwing its token away.',
    expected: onEach(UNAVAILABLE),
    async play({ stage, wire, client, promptMs }) {
      await stage.redis.kill();
      wire.tell('Redis is killed (kill -9)');
      assertUnavailable(await inTurn(async () => client.deliver(await client.prepare(ACCOUNTS))), promptMs);
    },
  },
  {
    title: 'Redis is back',
    why: 'A restart may have lost records, so what is older than it is not believed; one nonce made since is, and then on every instance.',
    expected: [NONCE_DEMANDED, ...onEach(OK)],
    async play({ stage, wire, client }) {
      await startRedis(stage, wire, 'Redis is started again, with its data');
      assertEachInstance(await inTurn(() => client.call(ACCOUNTS)).then(() => wire.latest(INSTANCES)));
    },
  },
  {
    title: 'A replay across a restart',
    why: 'The record was on disk before the first copy was accepted; the client needs one new nonce, and is served.',
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
    title: 'A replay, after Redis lost everything',
    why: 'Redis knows that it does not know, and asks for a nonce made since: the client can sign one into a new proof, the thief cannot.',
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

/** What the thief does: the same request, octet for octet. */
function replay(wire: Wire, captured: SentRequest, times = INSTANCES): Promise<readonly Exchange[]> {
  return inTurn(() => wire.deliver('thief', captured, 'the same proof'), times);
}

/** One after the other: the front takes the instances in turn. */
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
  wire.tell(`${event}; after ${tookMs} ms each instance reports that it is healthy, none was restarted`);
}

function onEach(outcome: Outcome): readonly Outcome[] {
  return Array.from({ length: INSTANCES }, () => outcome);
}

function assertEachInstance(exchanges: readonly Exchange[]): void {
  const { size } = new Set(exchanges.map(({ instance }) => instance));
  if (size < INSTANCES) throw new Error(`only ${size} of ${INSTANCES} instances were asked`);
}

function assertUnavailable(exchanges: readonly Exchange[], promptMs: number): void {
  assertEachInstance(exchanges);
  for (const { durationMs, retryAfter } of exchanges) {
    if (retryAfter === undefined) throw new Error('a 503 without Retry-After');
    if (durationMs > promptMs) throw new Error(`answered after ${Math.round(durationMs)} ms only`);
  }
}
