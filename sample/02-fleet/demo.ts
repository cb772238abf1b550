import { createPaint, formatNextSteps, formatTable } from '../story/report.js';
import { type PlayedScene, playScene } from '../story/scene.js';
import { startApiProcess } from './api/api-process.js';
import { isRedisInstalled } from './redis-process.js';
import { openStage } from './stage.js';
import { formatPrologue, formatScene } from './story/report.js';
import { gatherCast, SCENES } from './story/scenes.js';
import type { Exchange } from './story/wire.js';

/** The demo takes some seconds. The limit ends a demo that hangs. */
const LIMIT_MS = 90_000;

if (!isRedisInstalled()) {
  console.error(
    'This demo needs redis-server. Install it:\n  sudo apt-get install redis-server   (Debian, Ubuntu)\n  brew install redis                  (macOS)',
  );
  process.exit(1);
}

// Runs the exit handlers, which end the child processes.
for (const [signal, number] of [
  ['SIGHUP', 1],
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const) {
  process.once(signal, () => process.exit(128 + number));
}
setTimeout(() => {
  console.error(`The demo did not end within ${LIMIT_MS / 1000} seconds.`);
  process.exit(1);
}, LIMIT_MS).unref();

const paint = createPaint(process.stdout);
const stage = await openStage(startApiProcess).catch((error: unknown) => {
  console.error(`The demo could not start: ${String(error)}`);
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
console.log(formatTable(played, paint));
if (played.every(({ isAsExpected }) => isAsExpected)) {
  console.log(
    formatNextSteps([
      ['docs/replay-and-redis.md', 'explains what happens when Redis fails'],
      ['sample/02-fleet/api/app.module.ts', 'has the few lines that a fleet needs'],
      ['npm run demo', 'plays one API and a thief'],
      ['npm start', 'starts that API for your own calls'],
    ]),
  );
} else process.exitCode = 1;
