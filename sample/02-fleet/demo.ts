import { createPaint, formatTable } from '../story/playbill.js';
import { type PlayedScene, playScene } from '../story/scene.js';
import { startApiProcess } from './api/api-process.js';
import { isRedisInstalled } from './redis-process.js';
import { openStage } from './stage.js';
import { formatAnswers, formatPrologue, formatScene } from './story/playbill.js';
import { gatherCast, SCENES } from './story/scenes.js';
import type { Exchange } from './story/wire.js';

/** The story takes some seconds; whatever gets stuck must not hold up whoever waits for it. */
const LIMIT_MS = 90_000;

if (!isRedisInstalled()) {
  console.error(
    'The story needs redis-server: `sudo apt-get install redis-server` (Debian, Ubuntu) or `brew install redis` (macOS).',
  );
  process.exit(1);
}

// However this process ends, its children end with it.
for (const [signal, number] of [
  ['SIGHUP', 1],
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const) {
  process.once(signal, () => process.exit(128 + number));
}
setTimeout(() => {
  console.error(`The story was not over after ${LIMIT_MS / 1000} seconds.`);
  process.exit(1);
}, LIMIT_MS).unref();

const paint = createPaint(process.stdout);
const stage = await openStage(startApiProcess).catch((error: unknown) => {
  console.error(`The stage could not be opened: ${String(error)}`);
  process.exit(1);
});
const played: PlayedScene<Exchange>[] = [];
try {
  console.log(formatPrologue(stage, paint));
  const cast = await gatherCast(stage);
  for (const scene of SCENES) {
    const result = await playScene(scene, cast);
    played.push(result);
    console.log(formatScene(result, played.length, paint));
  }
} finally {
  await stage.close();
}
console.log(formatTable(played, formatAnswers, paint));
if (!played.every(({ endedAsItMust }) => endedAsItMust)) process.exitCode = 1;
