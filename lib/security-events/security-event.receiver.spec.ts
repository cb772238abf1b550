import { beforeEach, describe, expect, test } from '@jest/globals';
import { DISABLED, receive, ReceiverScene, SESSION } from '../../test/support/receiver-scene.js';
import type { RevocationEntry } from '../revocation/deny-list.js';

const SSF = 'https://schemas.openid.net/secevent/ssf/event-type/';
const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/';

let scene: ReceiverScene;
let lines: string[];
let entries: RevocationEntry[];

beforeEach(async () => {
  scene = await ReceiverScene.create();
  ({ lines, entries } = scene);
});

const create: ReceiverScene['receiver'] = (...parameters) => scene.receiver(...parameters);
const sign: ReceiverScene['sign'] = (...parameters) => scene.sign(...parameters);
const user = (sub: string) => scene.user(sub);
const from = () => `; from ${scene.issuer.issuer}`;

describe('a Security Event Token that is received (B9)', () => {
  test('is entered in the deny-list, and told to those who debug', async () => {
    await receive(create(), await sign());
    expect(entries).toEqual([{ issuer: scene.issuer.issuer, sub: 'alice', issuedBefore: scene.nowSeconds }]);
    expect(lines).toEqual([`debug entered 1 revocation${from()}`]);
  });

  test('is entered with all its events, and those that are not known are counted', async () => {
    const events = {
      [SESSION]: { subject: { format: 'opaque', id: 's' } },
      'urn:a': {},
      [DISABLED]: { subject: user('bob') },
      [`${CAEP}credential-change`]: { change_type: 'create' },
    };
    await receive(create(), await sign({ sub_id: undefined, events }));
    expect(entries).toEqual([
      { issuer: scene.issuer.issuer, sid: 's' },
      { issuer: scene.issuer.issuer, sub: 's', issuedBefore: scene.nowSeconds },
      { issuer: scene.issuer.issuer, sub: 'bob', issuedBefore: scene.nowSeconds },
    ]);
    expect(lines).toEqual([
      `debug entered 3 revocations, acknowledged 2 events that revoke nothing${from()}`,
    ]);
    await receive(create(), await sign({ events: { 'urn:a': {} } }));
    expect(lines.at(-1)).toBe(`debug acknowledged 1 event that revokes nothing${from()}`);
  });

  test('tells of the stream', async () => {
    await receive(create(), await sign({ events: { [`${SSF}verification`]: {} } }));
    await receive(create(), await sign({ events: { [`${SSF}stream-updated`]: { status: 'paused' } } }));
    expect(lines).toEqual([
      expect.stringMatching(/^log received a verification event/),
      expect.stringMatching(/^warn the transmitter has set the stream to paused/),
    ]);
    expect(entries).toStrictEqual([]);
  });

  test.each(['secevent+jwt', 'SecEvent+JWT', 'application/secevent+jwt', 'APPLICATION/SECEVENT+JWT'])(
    'has the type %s',
    async (typ) => {
      await receive(create(), await sign({}, { typ }));
      expect(entries).toHaveLength(1);
    },
  );

  test('is acknowledged a second time without effect, and applied with other content under its jti', async () => {
    const receiver = create();
    const set = await sign({ jti: 'x' });
    await receive(receiver, set);
    await receive(receiver, set);
    expect(entries).toHaveLength(1);
    expect(lines.at(-1)).toBe(`debug acknowledged a repeated token${from()}`);
    await receive(receiver, await sign({ jti: 'x', sub_id: user('bob') }));
    expect(entries).toHaveLength(2);
    expect(lines.at(-2)).toMatch(/^warn applied a Security Event Token whose jti an earlier one/);
    expect(lines.at(-1)).toBe(`debug entered 1 revocation${from()}`);
  });

  test('is warned of if nobody knows its subject, or it is too old for all tokens', async () => {
    const sub_id = { user: { format: 'email', email: 'a@b.c' }, session: { format: 'opaque', id: 's' } };
    await receive(create(), await sign({ sub_id }));
    await receive(create({ resolveSubject: () => undefined }), await sign({ sub_id: sub_id.user }));
    const old = (seconds: number) => ({
      events: { [SESSION]: { event_timestamp: scene.nowSeconds - seconds } },
    });
    await receive(create(), await sign(old(60)));
    await receive(create(), await sign(old(61)));
    const told = lines.filter((line) => !line.startsWith('debug'));
    expect(told).toEqual([
      expect.stringMatching(/^warn applied an event in part.*; user format: email; add resolveSubject/),
      expect.stringMatching(/^warn acknowledged an event .*; subject format: email; resolveSubject returned/),
      expect.stringMatching(/^warn an event occurred longer ago than a token lives, 60 s/),
    ]);
  });

  test('is not held against a lifetime that the deny-list does not tell', async () => {
    const list = { revoke: (entry: RevocationEntry) => Promise.resolve(void entries.push(entry)) };
    await receive(create({}, list as never), await sign({ events: { [SESSION]: { event_timestamp: 1 } } }));
    expect(entries).toHaveLength(1);
    expect(lines).toEqual([`debug entered 1 revocation${from()}`]);
  });
});
