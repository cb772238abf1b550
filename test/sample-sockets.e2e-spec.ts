import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openStage, type Stage } from '../sample/05-sockets/stage.js';
import { gatherCast, SCENES } from '../sample/05-sockets/story/scenes.js';
import type { Exchange } from '../sample/05-sockets/story/wire.js';
import { type PlayedScene, playScene } from '../sample/story/scene.js';

/** The story of `npm run demo:sockets`, with clients of ws and socket.io over loopback. */
describe('the sample of sockets', () => {
  let stage: Stage | undefined;
  const played: PlayedScene<Exchange>[] = [];

  beforeAll(async () => {
    stage = await openStage();
    const cast = await gatherCast(stage);
    for (const scene of SCENES) played.push(await playScene(scene, cast));
  }, 60_000);

  afterAll(() => stage?.close());

  test('each scene of the demo ends as expected', () => {
    expect(played.filter(({ isAsExpected }) => !isAsExpected)).toStrictEqual([]);
  });

  test.each([
    ['A WebSocket with a proof', [101], 'J1'],
    ['The stolen token, at the handshake', [401, 401, 101, 401], 'J1, F1'],
    ['A ticket opens one stream of events', [201, 200, 401], 'J2'],
    ['A ticket opens one WebSocket', [201, 101, 401], 'J2'],
    ['A ticket for another route', [201, 401, 101], 'J2'],
    ['socket.io with a proof', [101, 403], 'J1'],
    ['socket.io for a thief', [401, 400, 101, 400], 'J1'],
    ['A ticket opens socket.io', [201, 101], 'J2'],
    ['The token ends while sockets are open', [101, 101, 200, 4401, 401], 'J1, J2'],
  ])('the story has the scene "%s", answered with %j (%s)', (title, statuses) => {
    const scene = played.find((result) => result.scene.title === title);
    expect(scene?.exchanges.map(({ status }) => status)).toEqual(statuses);
  });

  test('a socket answers with the key of its client', () => {
    const opened = played.flatMap(({ exchanges }) => exchanges).filter(({ status }) => status === 101);
    expect(opened.every(({ body }) => typeof body['key'] === 'string')).toBe(true);
  });
});
