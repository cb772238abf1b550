import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Stage } from '../sample/01-quickstart/stage.js';
import type { Exchange } from '../sample/01-quickstart/story/wire.js';
import type { PlayedScene } from '../sample/story/scene.js';

/** The story of `npm run demo`, against a real authorization server, with a real client. */
describe('the quickstart sample', () => {
  let stage: Stage | undefined;
  const played: PlayedScene<Exchange>[] = [];

  beforeAll(async () => {
    // oidc-provider warns of Node 20 as soon as it is imported.
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    const { openStage } = await import('../sample/01-quickstart/stage.js');
    const { gatherCast, playStory } = await import('../sample/01-quickstart/story/story.js');
    warn.mockRestore();
    stage = await openStage({ logger: false });
    for await (const scene of playStory(await gatherCast(stage))) played.push(scene);
  }, 60_000);

  afterAll(() => stage?.close());

  test('each scene of the demo ends as expected', () => {
    expect(played.filter(({ isAsExpected }) => !isAsExpected)).toStrictEqual([]);
  });

  test.each([
    ['A legitimate call', [200], 'B1'],
    ['A call after a nonce challenge', [401, 201], 'E2'],
    ['The stolen token as Bearer', [401], 'B4'],
    ["The stolen token with the thief's own key", [401], 'B3'],
    ['A captured proof, replayed', [200, 401], 'F1'],
    ['A captured proof on another URL', [401, 200], 'C9, F3'],
    ['A captured proof with another method', [401, 200], 'C8, F3'],
    ['A captured proof with another token', [401, 200], 'C12, F3'],
    ['An expired proof', [401], 'C11'],
    ['A missing scope', [403, 200], 'D2'],
  ])('the story has the scene "%s", answered with %j (%s)', (title, statuses) => {
    const scene = played.find((result) => result.scene.title === title);
    expect(scene?.exchanges.map(({ status }) => status)).toEqual(statuses);
  });
});
