import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startApi } from '../sample/02-fleet/api/api.js';
import { openStage, type Stage } from '../sample/02-fleet/stage.js';
import { gatherCast, SCENES } from '../sample/02-fleet/story/scenes.js';
import type { Exchange } from '../sample/02-fleet/story/wire.js';
import { type PlayedScene, playScene } from '../sample/story/scene.js';

/** The story of `npm run demo:fleet` with a real Redis; the instances share this process, and nothing else. */
describe('the fleet sample', () => {
  let stage: Stage | undefined;
  const played: PlayedScene<Exchange>[] = [];

  beforeAll(async () => {
    stage = await openStage(startApi);
    // How long an answer takes is measured where no other tests run beside it.
    const cast = await gatherCast(stage, Number.POSITIVE_INFINITY);
    for (const scene of SCENES) played.push(await playScene(scene, cast));
  }, 60_000);

  afterAll(() => stage?.close());

  test('each scene of the demo ends as expected', () => {
    expect(played.filter(({ isAsExpected }) => !isAsExpected)).toStrictEqual([]);
  });

  test.each([
    ['The first call on a fresh Redis', [401, 200], 'F6'],
    ['One proof on each instance', [200, 401, 401], 'F1'],
    ['One proof, 30 copies at once', [200, ...Array.from({ length: 29 }, () => 401)], 'F1'],
    ['A nonce of one instance on all of them', [401, 201, 201, 201], 'E5'],
    ['Redis hangs, then continues', [503, 503, 503, 200], 'F5, D8'],
    ['Redis is killed', [503, 503, 503], 'F5, D8'],
    ['Redis is back', [401, 200, 200, 200], 'F6'],
    ['A replay across a restart', [200, 401, 401, 401, 401, 200], 'F1'],
    ['A replay after Redis lost everything', [200, 401, 401, 401, 401, 200], 'F6'],
  ])('the story has the scene "%s", answered with %j (%s)', (title, statuses) => {
    const scene = played.find((result) => result.scene.title === title);
    expect(scene?.exchanges.map(({ status }) => status)).toEqual(statuses);
  });
});
