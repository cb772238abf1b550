import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ReceivedSecurityEvent, SubjectResolver } from '../lib/security-events/index.js';
import { HandClock } from './support/hand-clock.js';
import { PLATFORMS } from './support/platforms.js';
import { closeApps } from './support/running-app.js';
import { ACCOUNT_DISABLED, EventScene, SESSION_REVOKED } from './support/security-events.js';
import { type PushedSubject, pushSubject, type SubjectPush } from './support/subject-pushes.js';

let scene: EventScene;
let asked: [subject: unknown, part: ReceivedSecurityEvent['part']][];

beforeEach(async () => {
  scene = await EventScene.create(new HandClock());
  asked = [];
});
afterEach(closeApps);

const EMAIL = { format: 'email', email: 'alice@example.com' };
const PHONE = { format: 'phone_number', phone_number: '+1' };
const opaque = (id: string) => ({ format: 'opaque', id });

/** Knows users by email address, and leaves the rest to the receiver. */
const byEmail: SubjectResolver = (subject, { part }) => {
  asked.push([subject, part]);
  return subject['format'] === 'email' ? [{ issuer: scene.issuer.issuer, sub: 'alice' }] : undefined;
};

describe.each(PLATFORMS)('a subject that only the app knows on %s (B9)', (platform) => {
  const push = (sub_id: unknown, resolveSubject?: unknown, more: SubjectPush = {}): Promise<PushedSubject> =>
    pushSubject(scene, platform, sub_id, { resolveSubject, ...more });

  const APPLIED = { status: 202, isRefused: true, lines: [] };

  test('is asked about as a whole, and then as the user of a complex subject', async () => {
    const session = opaque('s1');
    const sub_id = { format: 'complex', user: EMAIL, session };
    expect(await push(sub_id, byEmail)).toMatchObject(APPLIED);
    expect(asked).toEqual([
      [sub_id, undefined],
      [EMAIL, 'user'],
    ]);
  });

  test.each<[string, object, ReceivedSecurityEvent['part']]>([
    ['an alias', { format: 'aliases', identifiers: [PHONE, EMAIL] }, 'identifiers'],
    ['an alias of a user', { user: { format: 'aliases', identifiers: [PHONE, EMAIL] } }, 'identifiers'],
    ['a session', { session: EMAIL }, 'session'],
    ['the user of a disabled account', { user: EMAIL }, 'user'],
  ])('is found by the email address of %s', async (what, sub_id, part) => {
    const type = what.includes('disabled') ? ACCOUNT_DISABLED : SESSION_REVOKED;
    expect(await push(sub_id, byEmail, { type })).toMatchObject(APPLIED);
    expect(asked.at(-1)).toEqual([EMAIL, part]);
  });

  const NONE =
    'resolveSubject returned undefined for it: let it return entries, or [] if there are no tokens';
  const ADD = 'add resolveSubject to the options of the transmitter';

  test.each<[string, object, string, string]>([
    ['a user', { format: 'complex', user: PHONE }, 'acknowledged', 'user format: phone_number'],
    [
      'a user beside a session',
      { format: 'complex', user: PHONE, session: opaque('s1') },
      'applied an event in part',
      'user format: phone_number',
    ],
    [
      'a session beside a user',
      { user: opaque('bob'), session: { format: 'uri', uri: 'x:y' } },
      'applied an event in part',
      'session format: uri',
    ],
    [
      'both',
      { user: PHONE, session: { format: 'made up' } },
      'acknowledged',
      'session format: not a known one; user format: phone_number',
    ],
    [
      'aliases',
      { format: 'aliases', identifiers: [PHONE, { format: 'did', url: 'did:x:y' }, PHONE] },
      'acknowledged',
      'subject format: aliases (phone_number, did)',
    ],
    [
      'a device',
      { format: 'complex', device: opaque('d') },
      'acknowledged',
      'subject format: complex, without user and session',
    ],
  ])(
    'is named in a warning, with its place, if it is left unresolved: %s',
    async (_what, sub_id, what, part) => {
      for (const [resolveSubject, advice] of [
        [byEmail, NONE],
        [undefined, ADD],
      ] as const) {
        const { status, lines } = await push(sub_id, resolveSubject);
        expect(status).toBe(202);
        expect(lines).toEqual([expect.stringContaining(`; ${part}; ${advice}; from ${scene.issuer.issuer}`)]);
        expect(lines[0]).toMatch(new RegExp(`^warn ${what}.*: ${SESSION_REVOKED};`));
      }
    },
  );

  test('is warned of by format, even in a flood of another format', async () => {
    const app = await scene.start(platform);
    const event = async (format: string) =>
      await scene.push(app, await scene.sign({ claims: { sub_id: { format } } }));
    for (let time = 0; time < 12; time += 1) await event('email');
    await event('phone_number');
    expect(scene.logger.lines.filter((line) => line.includes('subject format: email'))).toHaveLength(10);
    expect(scene.logger.text).toContain('subject format: phone_number');
    await app.close();
    expect(scene.logger.text).toContain(
      '2 more of the events whose subject names no token (subject format: email)',
    );
  });

  test('is not warned of if one alias is known, or the app says that there are no tokens', async () => {
    const bob = { format: 'iss_sub', iss: scene.issuer.issuer, sub: 'bob' };
    expect(await push({ format: 'aliases', identifiers: [bob, PHONE] })).toMatchObject({
      status: 202,
      lines: [],
    });
    expect(await push({ user: PHONE }, () => [])).toMatchObject({ status: 202, lines: [] });
    const ofUser: SubjectResolver = (_subject, { part }) => (part === 'user' ? [] : undefined);
    expect(await push({ user: PHONE }, ofUser)).toMatchObject({ status: 202, lines: [], entries: [] });
  });

  test('is what the app says of a part, also where the table knows it', async () => {
    const { issuer } = scene.issuer;
    const renamed: SubjectResolver = (subject) =>
      subject['format'] === 'iss_sub' ? [{ issuer, sub: 'alice' }] : undefined;
    const user = { format: 'iss_sub', iss: issuer, sub: 'bob' };
    const { isRefused, entries } = await push({ user, session: opaque('s1') }, renamed);
    expect(isRefused).toBe(true);
    expect(entries).toEqual([
      { issuer, sid: 's1' },
      { issuer, sub: 'alice', issuedBefore: scene.nowSeconds },
    ]);
  });
});
