import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MemoryDenyList, type RevocationEntry } from 'nestjs-dpop';
import { TestIssuer } from 'nestjs-dpop/testing';
import { type EventRow, MARK, post } from './events/event-row.js';
import { BODY_ROWS, REQUEST_ROWS } from './events/request-rows.js';
import { SUBJECT_ROWS, VOID_ROWS } from './events/subject-rows.js';
import { CLAIM_ROWS, HEADER_ROWS } from './events/token-rows.js';
import { HandClock } from './support/hand-clock.js';
import { PLATFORMS } from './support/platforms.js';
import { sendRaw, valuesOf } from './support/raw-request.js';
import { closeApps, type RunningApp } from './support/running-app.js';
import { EventScene } from './support/security-events.js';

const TABLES: Readonly<Record<string, readonly EventRow[]>> = {
  'the request': REQUEST_ROWS,
  'the body': BODY_ROWS,
  'the header of the token': HEADER_ROWS,
  'the claims of the token': CLAIM_ROWS,
  'the subject of the event': SUBJECT_ROWS,
  'an event that has no effect': VOID_ROWS,
};

test('the table of hostile events has no row twice (J2)', () => {
  const names = Object.entries(TABLES).flatMap(([table, rows]) =>
    rows.map(({ what }) => `${table}: ${what}`),
  );
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(150);
});

describe.each(PLATFORMS)('hostile events on %s (J2, B9, D5)', (platform) => {
  let scene: EventScene;
  let foreign: TestIssuer;
  let app: RunningApp;
  const entries: RevocationEntry[] = [];

  class Recording extends MemoryDenyList {
    override async revoke(entry: RevocationEntry): Promise<void> {
      entries.push(entry);
      await super.revoke(entry);
    }
  }

  beforeAll(async () => {
    scene = await EventScene.create(new HandClock());
    foreign = await TestIssuer.create({ clock: scene.clock.read });
    app = await scene.start(platform, { denyList: new Recording({ maxTokenLifetimeSeconds: 3600 }) });
  });
  afterAll(closeApps);

  /** The request that all rows change one thing of. */
  async function assertBaseline(): Promise<void> {
    const token = await scene.issue();
    expect(await scene.statusOf(app, token)).toBe(200);
    const { status, body } = await sendRaw(app.port, post(await scene.sign()));
    expect({ status, body }).toEqual({ status: 202, body: '' });
    expect(await scene.statusOf(app, token)).toBe(401);
    // Later tokens pass, and the budget of lines is new.
    scene.clock.advanceSeconds(61);
  }

  test('every row starts from an event that passes and revokes', assertBaseline);

  describe.each(Object.entries(TABLES))('%s', (_table, rows) => {
    test.each(rows)('$what', async ({ change, status, err, reason }) => {
      scene.clock.advanceSeconds(61);
      const token = await scene.issue();
      const request = await change({ scene, foreign, set: await scene.sign() });
      entries.length = scene.logger.lines.length = 0;
      const answer = await sendRaw(app.port, request);
      const told = scene.logger.text;
      expect(answer.status).toBe(status);
      if (err === undefined) expect(answer.body).toBe('');
      else {
        const description = expect.stringMatching(/^[\x20-\x7e]{10,90}$/);
        expect(JSON.parse(answer.body)).toEqual({ err, description });
        expect(valuesOf(answer, 'content-language')).toEqual(['en']);
        expect(valuesOf(answer, 'content-type')[0]).toContain('application/json');
      }
      expect(valuesOf(answer, 'allow')).toEqual(status === 405 ? ['POST'] : []);
      expect(valuesOf(answer, 'www-authenticate')).toStrictEqual([]);
      expect(entries).toStrictEqual([]);
      expect(told).toContain(err === undefined ? reason : `${err} (${reason})`);
      expect(answer.text + told).not.toContain(MARK);
      expect(answer.text + told).not.toContain('0123456789abcdef');
      expect(await scene.statusOf(app, token)).toBe(200);
    });
  });

  test('after all of it, the baseline still passes', assertBaseline);
});
