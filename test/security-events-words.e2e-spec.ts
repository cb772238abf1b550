import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HandClock } from './support/hand-clock.js';
import { PLATFORMS } from './support/platforms.js';
import { closeApps } from './support/running-app.js';
import { EventScene, SESSION_REVOKED } from './support/security-events.js';
import { type PushedSubject, pushSubject, type SubjectPush } from './support/subject-pushes.js';

let scene: EventScene;

beforeEach(async () => {
  scene = await EventScene.create(new HandClock());
});
afterEach(closeApps);

const EMAIL = { format: 'email', email: 'alice@example.com' };
const opaque = (id: string) => ({ format: 'opaque', id });

describe.each(PLATFORMS)('what the operator reads of a subject on %s (B9, D9)', (platform) => {
  const push = (sub_id: unknown, resolveSubject?: unknown, more: SubjectPush = {}): Promise<PushedSubject> =>
    pushSubject(scene, platform, sub_id, { resolveSubject, ...more });

  test.each<[string, object, string]>([
    ['sid with a time', { sid: 'a', issuedBefore: 1 }, 'beside sid it has issuedBefore'],
    ['two kinds', { sub: 'a', sid: 'b' }, 'one of { issuer, jti }'],
    [
      'milliseconds',
      { sub: 'a', issuedBefore: 1_893_456_000_000 },
      'issuedBefore of the entry of a deny-list must be in seconds',
    ],
    ['no kind', { sub: undefined }, 'one of { issuer, jti }'],
    ['an empty name', { sub: '' }, 'sub of the entry of a deny-list must be a string that is not empty'],
    [
      'a copy of the subject',
      { ...EMAIL, sub: 'a' },
      'another member than jti, sid, sub, clientId, jkt, issuer, issuedBefore',
    ],
  ])('is blamed on resolveSubject if it returns an entry with %s', async (_what, members, words) => {
    const returned = () => [{ issuer: scene.issuer.issuer, ...members }];
    const { status, lines, entries } = await push(EMAIL, returned);
    expect({ status, entries }).toEqual({ status: 503, entries: [] });
    expect(lines).toEqual([
      expect.stringMatching(/^error .*internal_failure; resolveSubject returned an entry /),
    ]);
    expect(lines[0]).toContain(words);
  });

  test('is told with event, part and format if it is malformed, missing or foreign', async () => {
    const iss = 'https://other.example.com';
    const { issuer } = scene.issuer;
    const told: readonly [object | undefined, string][] = [
      [
        undefined,
        `(subject_missing); The Security Event Token names no subject of an event; ${SESSION_REVOKED}; from`,
      ],
      [
        opaque(''),
        `(subject); The subject of an event is malformed; ${SESSION_REVOKED}; subject format: opaque; from`,
      ],
      [{ user: { format: 'iss_sub' } }, `${SESSION_REVOKED}; user format: iss_sub; from`],
      [{ session: { id: 'x' } }, `${SESSION_REVOKED}; session format: not a known one; from`],
      [
        { user: { format: 'iss_sub', iss, sub: 'x' } },
        `(foreign_subject); The transmitter may not send events about this subject; ${SESSION_REVOKED}; user format: iss_sub; expected: ${issuer} or https://b.test; subjectIssuers of the transmitter says whose tokens it may revoke; from`,
      ],
    ];
    for (const [sub_id, words] of told) {
      const { status, lines } = await push(sub_id, undefined, { subjectIssuers: [issuer, 'https://b.test'] });
      expect(status).toBe(400);
      expect(lines.at(-1)).toContain(words);
      expect(lines.join('')).not.toContain('other.example');
    }
  });

  test('of an event that is older than all tokens is warned of', async () => {
    const bob = { format: 'iss_sub', iss: scene.issuer.issuer, sub: 'bob' };
    const at = (seconds: number) => ({
      claims: { events: { [SESSION_REVOKED]: { event_timestamp: scene.nowSeconds - seconds } } },
    });
    expect(await push(bob, undefined, at(3600))).toMatchObject({ status: 202, lines: [] });
    const { status, lines } = await push(bob, undefined, at(3601));
    expect(status).toBe(202);
    expect(lines).toEqual([
      expect.stringContaining(
        `warn an event occurred longer ago than a token lives, 3600 s: ${SESSION_REVOKED}; `,
      ),
    ]);
  });
});
