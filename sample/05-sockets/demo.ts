import { createPaint, formatNextSteps, formatTable } from '../story/report.js';
import { type PlayedScene, playScene } from '../story/scene.js';
import { openStage } from './stage.js';
import { formatPrologue, formatScene } from './story/report.js';
import { gatherCast, SCENES } from './story/scenes.js';
import type { Exchange } from './story/wire.js';

/** The demo takes some seconds. The limit ends a demo that hangs. */
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
      ['npm run start:sockets', 'serves a page that opens EventSource and WebSocket with tickets'],
      ['docs/sockets.md', 'protects your own sockets'],
      ['docs/tickets.md', 'has all about tickets'],
    ]),
  );
} else process.exitCode = 1;
