import { createPaint, formatTable } from '../story/playbill.js';
import type { PlayedScene } from '../story/scene.js';
import { openStage } from './stage.js';
import { formatAnswers, formatPrologue, formatScene } from './story/playbill.js';
import { gatherCast, playStory } from './story/story.js';
import type { Exchange } from './story/wire.js';

/** The story takes a second; whatever gets stuck must not hold up whoever waits for it. */
const LIMIT_MS = 60_000;

setTimeout(() => {
  console.error(`The story was not over after ${LIMIT_MS / 1000} seconds.`);
  process.exit(1);
}, LIMIT_MS).unref();

const paint = createPaint(process.stdout);
const stage = await openStage({ logger: false });
const played: PlayedScene<Exchange>[] = [];
try {
  const cast = await gatherCast(stage);
  console.log(formatPrologue(stage.issuer, cast, paint));
  for await (const scene of playStory(cast)) {
    played.push(scene);
    console.log(await formatScene(scene, played.length, paint));
  }
} finally {
  await stage.close();
}
console.log(formatTable(played, formatAnswers, paint));
if (!played.every(({ endedAsItMust }) => endedAsItMust)) process.exitCode = 1;
