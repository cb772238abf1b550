import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { DISABLED, receive, ReceiverScene, SESSION } from '../../test/support/receiver-scene.js';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import type { RevocationEntry } from '../revocation/deny-list.js';
import { SecurityEventError } from './security-event.error.js';
import type { SecurityEventReceiver } from './security-event.receiver.js';

let scene: ReceiverScene;
let lines: string[];
let entries: RevocationEntry[];

beforeEach(async () => {
  scene = await ReceiverScene.create();
  ({ lines, entries } = scene);
});
afterEach(() => {
  jest.useRealTimers();
});

const create: ReceiverScene['receiver'] = (...parameters) => scene.receiver(...parameters);
const sign: ReceiverScene['sign'] = (...parameters) => scene.sign(...parameters);
const user = (sub: string) => scene.user(sub);
const from = () => `; from ${scene.issuer.issuer}`;

describe('a Security Event Token that is not accepted (B9, D5)', () => {
  async function expectError(text: string, error: object, receiver = create()): Promise<void> {
    await expect(receive(receiver, text)).rejects.toMatchObject(error);
    expect(entries).toStrictEqual([]);
  }

  const parts = (header: string, claims: string) =>
    [header, claims, 'x'].map((text) => Buffer.from(text).toString('base64url')).join('.');

  test.each([
    ...['', 'a', 'a.b.c', 'e30.a.a'],
    parts('x', '{"iss":"https://issuer.test"}'),
    parts('{"typ":"secevent+jwt","alg":"ES256"}', 'x'),
    parts('x', 'x'),
  ])('is none in compact form: %j', async (text) => {
    await expectError(text, { name: 'SecurityEventError', reason: 'form' });
    expect(lines).toEqual([expect.stringMatching(/^warn refused .*\(form\)[^;]*; [^;]*$/)]);
  });

  test.each([
    'at+jwt',
    7,
    undefined,
    'xsecevent+jwt',
    'secevent+jwtx',
    'x/application/secevent+jwt',
    'seceventapplication/+jwt',
  ])('has the type %s', async (typ) => {
    const details = { expected: ['secevent+jwt'] };
    await expectError(await sign({}, { typ }), { reason: 'typ', details });
  });

  test.each(['https://b.test', undefined, ['https://issuer.test']])(
    'is of the transmitter %s',
    async (iss) => {
      await expectError(await sign({ iss }), {
        reason: 'issuer',
        details: { expected: [scene.issuer.issuer] },
      });
    },
  );

  test('is told with the transmitter, if that is known', async () => {
    await expectError(await sign({ aud: 'x' }), { reason: 'audience' });
    expect(lines[0]).toMatch(new RegExp(`${from()}$`));
  });

  test('revokes nothing of a first event if a second one is malformed', async () => {
    const events = { [SESSION]: { subject: user('a') }, [DISABLED]: { subject: 'x' } };
    await expectError(await sign({ sub_id: undefined, events }), { reason: 'subject' });
  });

  test('has a body that cannot be read: the error is passed on, and told', async () => {
    const receiver = create();
    const error = new SecurityEventError('size');
    await expect(receiver.receive(() => Promise.reject(error))).rejects.toBe(error);
    const other = new Error('x');
    await expect(receiver.receive(() => Promise.reject(other))).rejects.toMatchObject({
      reason: 'internal_failure',
      cause: other,
    });
    const unavailable = new DpopUnavailableError('issuer_unavailable', { advice: 'wait' });
    await expect(receiver.receive(() => Promise.reject(unavailable))).rejects.toBe(unavailable);
    expect(lines.map((line) => line.split(';')[0])).toEqual([
      'warn refused a Security Event Token: invalid_request (size)',
      'error answered 503 to a Security Event Token: internal_failure',
      'error answered 503 to a Security Event Token: issuer_unavailable',
    ]);
  });
});

describe('a Security Event Token that cannot be applied (B9)', () => {
  test('is answered 503 when the deny-list fails, and applied when it is sent again', async () => {
    let isFull = true;
    const cause = new Error('full');
    const receiver = create(
      {},
      scene.listOf(() => {
        if (isFull) throw cause;
      }),
    );
    const set = await sign();
    await expect(receive(receiver, set)).rejects.toMatchObject({
      reason: 'revocation_unavailable',
      advice: 'the deny-list did not take an entry',
      cause,
    });
    expect(lines).toEqual([expect.stringMatching(/^error answered 503 .*did not take an entry; Error/)]);
    isFull = false;
    await receive(receiver, set);
    expect(entries).toHaveLength(1);
  });

  test('is answered with what the deny-list says itself', async () => {
    const error = new DpopUnavailableError('revocation_unavailable', { advice: 'raise maxEntries' });
    const list = scene.listOf(() => Promise.reject(error));
    await expect(receive(create({}, list), await sign())).rejects.toBe(error);
  });

  const hanging = () => new Promise<never>(() => undefined);
  test.each<[string, () => SecurityEventReceiver]>([
    ['resolveSubject', () => create({ resolveSubject: hanging })],
    ['the deny-list', () => create({}, scene.listOf(hanging))],
  ])(
    'is answered 503 after 5 seconds, and it is told which of both hangs: %s',
    async (what, createHanging) => {
      const set = await sign();
      jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
      const receiver = createHanging();
      const receiving = receive(receiver, set).catch((error: unknown) => error);
      const late = {
        reason: 'internal_failure',
        advice: `${what} did not answer within 5000 ms`,
        cause: { name: 'DeadlineError' },
      };
      for (let turn = 0; turn < 200 && jest.getTimerCount() === 0; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      jest.advanceTimersByTime(4999);
      expect(lines).toStrictEqual([]);
      jest.advanceTimersByTime(2);
      expect(await receiving).toMatchObject(late);
      expect(lines).toEqual([expect.stringContaining(`${what} did not answer`)]);
    },
  );
});

describe('the life of a receiver (B9)', () => {
  test('opens and closes its transmitters, and then tells what it left out', async () => {
    const warnings: string[] = [];
    let isAborted = false;
    const fetch = (_url: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          isAborted = true;
          reject(new Error('aborted'));
        });
      });
    const receiver = create({ keys: undefined as never, fetch: fetch as never });
    const opening = receiver.open((text) => warnings.push(text));
    for (let nth = 0; nth < 11; nth += 1) await receive(receiver, 'x').catch(() => undefined);
    lines.length = 0;
    receiver.close();
    expect(lines).toEqual([expect.stringMatching(/^warn 1 more of the refusals \(form\)/)]);
    await opening;
    expect({ isAborted, warnings }).toEqual({ isAborted: true, warnings: [] });
  });

  test('warns of keys that it cannot fetch', async () => {
    const warnings: string[] = [];
    const fetch = () => Promise.resolve(new Response(undefined, { status: 404 }));
    const receiver = create({ keys: undefined as never, fetch });
    await receiver.open((text) => warnings.push(text));
    expect(warnings).toEqual([expect.stringContaining('cannot be fetched')]);
    await expect(receive(receiver, await sign())).rejects.toMatchObject({ reason: 'issuer_unavailable' });
  });

  test('tells of errors that others found', () => {
    const receiver = create();
    const [refusal, failure] = [
      new SecurityEventError('method'),
      new DpopUnavailableError('internal_failure'),
    ];
    expect(receiver.refuse(refusal)).toBe(refusal);
    expect(receiver.fail(failure)).toBe(failure);
    expect(receiver.refuse(refusal, 'https://a.test')).toBe(refusal);
    expect(lines).toEqual([
      expect.stringMatching(/^warn refused .*POST$/),
      expect.stringMatching(/^error answered 503 .*internal_failure$/),
      expect.stringMatching(/; from https:\/\/a\.test$/),
    ]);
  });
});
