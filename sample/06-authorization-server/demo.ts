import { createPaint, formatNextSteps, formatTable } from '../story/report.js';
import type { PlayedScene } from '../story/scene.js';
import { openStage } from './stage.js';
import { formatPrologue, formatScene } from './story/report.js';
import { gatherCast, playStory } from './story/story.js';
import type { Exchange } from './story/wire.js';

/** The demo takes a second. The limit ends a demo that hangs. */
const LIMIT_MS = 60_000;

setTimeout(() => {
  console.error(`The demo did not end within ${LIMIT_MS / 1000} seconds.`);
  process.exit(1);
}, LIMIT_MS).unref();

const paint = createPaint(process.stdout);
const stage = await openStage({ logger: false });
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
      ['docs/authorization-servers.md', 'protects your own token endpoint'],
      ['npm run demo', 'plays what a thief tries with an access token'],
    ]),
  );
} else process.exitCode = 1;
