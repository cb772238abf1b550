import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Exchange } from '../sample/01-quickstart/story/wire.js';
import type { Stage } from '../sample/04-mcp/stage.js';
import type { PlayedScene } from '../sample/story/scene.js';

/** The story of `npm run demo:mcp`, against a real authorization server, with the official client. */
describe('the sample of an MCP server', () => {
  let stage: Stage | undefined;
  const played: PlayedScene<Exchange>[] = [];

  beforeAll(async () => {
    // oidc-provider warns of Node 20 as soon as it is imported.
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    const { openStage } = await import('../sample/04-mcp/stage.js');
    const { gatherCast, playStory } = await import('../sample/04-mcp/story/story.js');
    warn.mockRestore();
    stage = await openStage();
    for await (const scene of playStory(await gatherCast(stage))) played.push(scene);
  }, 60_000);

  afterAll(() => stage?.close());

  test('each scene of the demo ends as expected', () => {
    expect(played.filter(({ isAsExpected }) => !isAsExpected)).toStrictEqual([]);
  });

  test.each([
    ['The first contact', [401, 200, 200, 202], 'B1'],
    ['A call of a tool', [200], 'B1'],
    ['A tool that requires a scope', [403, 200, 200], 'D2'],
    ['A tool that requires a nonce', [401, 200], 'E2'],
    ['The stolen token as Bearer', [401], 'B4'],
    ["The stolen token with the thief's own key", [401], 'B3'],
    ['A captured call, replayed', [200, 401], 'F1'],
    ['The session of another client', [401, 200, 200, 202, 404, 200], 'D1'],
  ])('the story has the scene "%s", answered with %j (%s)', (title, statuses) => {
    const scene = played.find((result) => result.scene.title === title);
    expect(scene?.exchanges.map(({ status }) => status)).toEqual(statuses);
  });
});
