import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type DpopModuleOptions,
  DpopUnavailableError,
  MemoryStorage,
  type ReplayOutcome,
  ReplayStore,
} from '../lib/index.js';
import { ORIGIN, Party, send, sign } from './redis/party.js';
import { PLATFORMS } from './support/platforms.js';
import { type RecordingApp, startRecordingApp } from './support/recording-app.js';

let party: Party;
const started: RecordingApp[] = [];

beforeAll(async () => {
  party = await Party.gather(1);
});
afterEach(async () => {
  for (const app of started.splice(0)) await app.close();
});

type Answer = () => ReplayOutcome | Promise<ReplayOutcome>;

/** A store of the app's own. */
class OwnStore extends ReplayStore {
  override readonly deadlineMs: number;

  constructor(
    private readonly answer: Answer,
    deadlineMs = 50,
  ) {
    super();
    this.deadlineMs = deadlineMs;
  }

  override claim() {
    return this.answer();
  }

  override epochOf() {
    return 'AAAAAAAB';
  }
}

const hanging = () => new Promise<never>(() => {});

/** It has the method of a promise, and nothing else. */
const lookalike: never = Object.fromEntries(['then'].map((method) => [method, () => {}])) as never;

async function start(
  platform: 'express' | 'fastify',
  replayStore: ReplayStore,
  options: Partial<DpopModuleOptions> = {},
): Promise<RecordingApp> {
  const dpop = {
    origin: ORIGIN,
    accessToken: party.issuer.accessToken,
    storage: { replayStore, shared: true },
  };
  const app = await startRecordingApp(platform, { dpop: { ...dpop, ...options } });
  started.push(app);
  return app;
}

describe.each(PLATFORMS)('a store of the app’s own on %s (F5)', (platform) => {
  const request = async (path = '/transfers') => sign(party.members[0], undefined, path);

  test.each<[string, Answer]>([
    ['hangs', hanging],
    ['answers with something that only looks like a promise, and hangs', () => lookalike],
    ['rejects', () => Promise.reject(new Error('gone'))],
    [
      'throws',
      () => {
        throw new Error('gone');
      },
    ],
  ])('that %s: 503, and the handler has not run', async (_name, answer) => {
    const good = await start(platform, new OwnStore(() => 'first'));
    expect((await send(`${good.url}/transfers`, await request())).status).toBe(200);
    const app = await start(platform, new OwnStore(answer));
    const response = await fetch(`${app.url}/transfers`, { method: 'POST', headers: await request() });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(response.headers.get('www-authenticate')).toBeNull();
    expect(response.headers.get('dpop-nonce')).toBeNull();
    expect(await response.json()).toMatchObject({ code: 'temporarily_unavailable' });
    expect(app.calls).toStrictEqual([]);
  });

  test('without a deadline of its own has that of the library', async () => {
    class Undecided extends OwnStore {
      override readonly deadlineMs = undefined as never;
    }
    const app = await start(platform, new Undecided(hanging));
    expect((await send(`${app.url}/transfers`, await request())).status).toBe(503);
  });

  test('that hangs when it is to look at its memory: the client is given a nonce all the same', async () => {
    class Looking extends OwnStore {
      override refreshEpoch(): Promise<void> {
        return hanging();
      }
    }
    const app = await start(platform, new Looking(() => 'first'));
    const answer = await send(`${app.url}/nonce`, await request('/nonce'));
    expect(answer).toMatchObject({ status: 401, nonce: expect.stringMatching(/^[\w-]{36}$/) });
  });

  test('that answers in time, with a promise or without, is heard', async () => {
    for (const answer of [() => 'first', () => Promise.resolve('first')] as Answer[]) {
      const app = await start(platform, new OwnStore(answer, 10_000));
      expect((await send(`${app.url}/transfers`, await request())).status).toBe(200);
    }
  });

  const reporting = { onReplayStoreFailure: 'accept-and-report' } as const;

  test.each<[string, Answer, number]>([
    ['hangs', hanging, 200],
    ['rejects', () => Promise.reject(new Error('gone')), 200],
    ['is unavailable', () => Promise.reject(new DpopUnavailableError('replay_store_unavailable')), 200],
    ['is full', () => Promise.reject(new DpopUnavailableError('replay_store_full')), 503],
    ['names another reason', () => Promise.reject(new DpopUnavailableError('internal_failure')), 503],
    ['answers what is no answer', () => 'yes' as never, 503],
  ])('accept-and-report covers no more than an outage: one that %s (F5)', async (_name, answer, status) => {
    const app = await start(platform, new OwnStore(answer), reporting);
    expect((await send(`${app.url}/transfers`, await request())).status).toBe(status);
    expect(app.calls).toHaveLength(status === 200 ? 1 : 0);
  });

  test('accept-and-report does not cover a full memory: what fills it cannot be replayed then (F5)', async () => {
    const storage = new MemoryStorage({ maxEntries: 1 });
    const app = await startRecordingApp(platform, {
      dpop: { origin: ORIGIN, accessToken: party.issuer.accessToken, storage, ...reporting },
    });
    started.push(app);
    const used = await request();
    expect((await send(`${app.url}/transfers`, used)).status).toBe(200);
    expect((await send(`${app.url}/transfers`, await request())).status).toBe(503);
    expect((await send(`${app.url}/transfers`, used)).status).toBe(401);
    expect(app.calls).toHaveLength(1);
  });

  test('jtis that differ in half a surrogate pair are two (F2)', async () => {
    const app = await start(platform, new MemoryStorage().replayStore);
    const [{ client, token }] = party.members;
    const url = `${ORIGIN}/transfers`;
    for (const jti of ['\ud800', '\udbff', '\ufffd', 'a\udc00', 'a\udc01']) {
      const headers = await client.createHeaders({ method: 'POST', url, token, claims: { jti } });
      expect((await send(`${app.url}/transfers`, headers)).status).toBe(200);
      expect((await send(`${app.url}/transfers`, headers)).status).toBe(401);
    }
  });

  test('a memory that challenges counts from the start of the app, not from its first request (F6)', async () => {
    let nowMs = Date.now();
    const clock = () => nowMs;
    const storage = new MemoryStorage({ afterDataLoss: 'challenge' });
    const app = await startRecordingApp(platform, {
      dpop: { origin: ORIGIN, accessToken: party.issuer.accessToken, storage, clock },
    });
    started.push(app);
    nowMs += 91_000;
    const iat = { claims: { iat: Math.floor(nowMs / 1000) } };
    const [{ client, token }] = party.members;
    const late = { method: 'POST', url: `${ORIGIN}/transfers`, token, ...iat };
    expect((await send(`${app.url}/transfers`, await client.createHeaders(late))).status).toBe(200);
  });
});

test.each([0, -1, 1.5, 60_001, '250', null])(
  'a store with a deadline of %p is a TypeError at start',
  async (deadlineMs) => {
    await expect(start('express', new OwnStore(() => 'first', deadlineMs as number))).rejects.toThrow(
      'storage.replayStore.deadlineMs must be an integer from 1 to 60000',
    );
  },
);
