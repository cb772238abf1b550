import { formatScene } from '../01-quickstart/story/report.js';
import type { Exchange } from '../01-quickstart/story/wire.js';
import { createPaint, formatNextSteps, formatTable } from '../story/report.js';
import type { PlayedScene } from '../story/scene.js';
import { openStage } from './stage.js';
import { formatPrologue } from './story/prologue.js';
import { gatherCast, playStory } from './story/story.js';

/** The demo takes a second. The limit ends a demo that hangs. */
const LIMIT_MS = 60_000;

setTimeout(() => {
  console.error(`The demo did not end within ${LIMIT_MS / 1000} seconds.`);
  process.exit(1);
}, LIMIT_MS).unref();

const paint = createPaint(process.stdout);
const stage = await openStage();
const played: PlayedScene<Exchange>[] = [];
try {
  const cast = await gatherCast(stage);
  console.log(formatPrologue(stage, cast, paint));
  for await (const scene of playStory(cast)) {
    played.push(scene);
    console.log(await formatScene(scene, played.length, paint));
  }
} finally {
  await stage.close();
}
console.log(formatTable(played, paint));
if (played.every(({ isAsExpected }) => isAsExpected)) {
  console.log(
    formatNextSteps([
      ['sample/04-mcp/server', 'is the server: its endpoint and its tools'],
      ['sample/04-mcp/client/agent.ts', 'is the agent'],
      ['docs/mcp.md', 'protects your own MCP server'],
    ]),
  );
} else process.exitCode = 1;
