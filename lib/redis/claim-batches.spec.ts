import { hash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { RedisServer } from '../../test/redis/redis-server.js';
import { SingleNodeCluster } from '../../test/redis/single-node-cluster.js';
import { formatClaimArgument } from './claim-argument.js';
import { ClaimBatches } from './claim-batches.js';
import { ClaimKeys } from './claim-keys.js';
import { RedisConnection } from './redis-connection.js';
import type { RedisSource } from './redis-source.js';

const NOW = 1_700_000_000;
const DEADLINE_MS = 10_000;
const KEYS = new ClaimKeys('dpop:');
const UNKNOWN = /^u([\w-]{8})$/;

/** Notes how many claims are in each call. */
class CountingConnection extends RedisConnection {
  readonly calls: number[] = [];

  override evaluate(...[script, keys, args]: Parameters<RedisConnection['evaluate']>): Promise<unknown> {
    this.calls.push(args.length);
    return super.evaluate(script, keys, args);
  }
}

let connection: CountingConnection;
let batches: ClaimBatches;

async function connect(source: RedisSource): Promise<void> {
  connection = new CountingConnection(source, DEADLINE_MS);
  await connection.open();
  batches = new ClaimBatches(connection);
}

let attempts = 0;

/** Claims of one client are of one partition. */
function claim(jti: string, epoch?: string, partition = 7): Promise<string> {
  const claimed = {
    id: hash('sha256', jti, 'base64url'),
    jkt: '',
    nowSeconds: NOW,
    proofTimeSeconds: NOW,
    freshUntilSeconds: NOW + 60,
    lifetimeSeconds: 90,
    epoch,
  };
  const keys = KEYS.of(partition, claimed);
  attempts += 1;
  const argument = formatClaimArgument(claimed, 'challenge', epoch, keys.length, `attempt ${attempts}`);
  return batches.send(partition, keys, argument);
}

async function learnEpoch(partition = 7): Promise<string | undefined> {
  const [, epoch] = UNKNOWN.exec(await claim('no nonce', undefined, partition)) ?? [];
  connection.calls.length = 0;
  return epoch;
}

describe('claims of one turn of the event loop', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await RedisServer.start();
  }, 30_000);
  beforeEach(async () => {
    await server.command('FLUSHALL');
    await connect(server.url);
  });
  afterEach(() => connection.close());
  afterAll(() => server.close());

  test('each have their own answer, in their order (F1)', async () => {
    const epoch = await learnEpoch();
    expect(epoch).toBeDefined();
    expect(await claim('used', epoch)).toBe('1');
    connection.calls.length = 0;
    const answers = await Promise.all([
      claim('one', epoch),
      claim('used', epoch),
      claim('two'),
      claim('three', epoch, 8),
      claim('one', epoch),
    ]);
    expect(answers).toEqual(['1', '0', `u${epoch}`, expect.stringMatching(UNKNOWN), '0']);
    expect(connection.calls).toEqual([5]);
  });

  test('of the next turn have a call of their own', async () => {
    const epoch = await learnEpoch();
    const first = claim('one', epoch);
    await new Promise((resolve) => setImmediate(resolve));
    const second = claim('two', epoch);
    expect(await Promise.all([first, second])).toEqual(['1', '1']);
    expect(connection.calls).toEqual([1, 1]);
  });

  test.each<[number, readonly number[]]>([
    [64, [64]],
    [65, [64, 1]],
    [150, [64, 64, 22]],
  ])('are sent in calls of at most 64: %p (F5)', async (count, calls) => {
    const epoch = await learnEpoch();
    const answers = await Promise.all(Array.from({ length: count }, (_, n) => claim(`jti ${n}`, epoch)));
    expect(answers).toEqual(Array.from({ length: count }, () => '1'));
    expect(connection.calls).toEqual(calls);
  });

  test('all fail with the call, and those of another call do not (F5)', async () => {
    const epoch = await learnEpoch();
    await server.command('SET', KEYS.ledgerOf(9), 'not a ledger');
    const settled = await Promise.allSettled([
      ...Array.from({ length: 63 }, (_, n) => claim(`jti ${n}`, epoch)),
      claim('of the ledger that is none', undefined, 9),
      claim('of another call', epoch),
    ]);
    expect(settled.slice(0, 64).every(({ status }) => status === 'rejected')).toBe(true);
    expect(settled[64]).toEqual({ status: 'fulfilled', value: '1' });
  });
});

describe('a reply that the script does not return (F5)', () => {
  class OddConnection extends RedisConnection {
    constructor(readonly reply: unknown) {
      super('redis://127.0.0.1:1', DEADLINE_MS);
    }

    override evaluate(): Promise<unknown> {
      return Promise.resolve(this.reply);
    }
  }

  test.each([
    '',
    '2',
    '1',
    '111',
    '1 1',
    '1-1',
    'u1',
    '1u',
    '1u1234567',
    '1u123456789',
    '1u1234567.',
    '1U12345678',
    ' 11',
    '11 ',
    11,
    null,
    ['1', '1'],
  ])('%j is an error for both claims of the call', async (reply) => {
    const odd = new ClaimBatches(new OddConnection(reply));
    const settled = await Promise.allSettled([odd.send(0, [], ''), odd.send(0, [], '')]);
    const failed = {
      status: 'rejected',
      reason: expect.objectContaining({
        name: 'UnexpectedReplyError',
        message: 'Unexpected reply from Redis',
      }) as unknown,
    };
    expect(settled).toEqual([failed, failed]);
  });

  test.each([
    ['10', ['1', '0']],
    ['u_bcdefg-1', ['u_bcdefg-', '1']],
    ['0uABCDEFG9', ['0', 'uABCDEFG9']],
  ])('%j is none', async (reply, answers) => {
    const even = new ClaimBatches(new OddConnection(reply));
    expect(await Promise.all([even.send(0, [], ''), even.send(0, [], '')])).toEqual(answers);
  });
});

describe('claims of one turn of the event loop in a Cluster (F1)', () => {
  let cluster: SingleNodeCluster;

  beforeAll(async () => {
    cluster = await SingleNodeCluster.start();
    await connect(cluster.source);
  }, 30_000);
  afterAll(async () => {
    await connection.close();
    await cluster.close();
  });

  test('are sent in a call for each partition, in which all keys are of one slot', async () => {
    const epochs = [await learnEpoch(1), await learnEpoch(2)];
    const of = (partition: 1 | 2, jti: string) => claim(jti, epochs[partition - 1], partition);
    expect(await Promise.all([of(1, 'a'), of(2, 'a'), of(1, 'b'), of(1, 'a')])).toEqual(['1', '1', '1', '0']);
    expect(connection.calls).toEqual([3, 1]);
  });
});
