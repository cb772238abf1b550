import { formatPrologue, formatScene } from '../01-quickstart/story/report.js';
import { gatherCast, playStory } from '../01-quickstart/story/story.js';
import type { Exchange } from '../01-quickstart/story/wire.js';
import { createPaint, formatNextSteps, formatTable } from '../story/report.js';
import type { PlayedScene } from '../story/scene.js';
import { areJavaToolsInstalled, INSTALL_JAVA_TOOLS } from './keycloak/java-tools.js';
import { openStage } from './stage.js';

if (!areJavaToolsInstalled()) {
  console.error(INSTALL_JAVA_TOOLS);
  process.exit(1);
}

// Keycloak ends with this process.
for (const [signal, number] of [
  ['SIGHUP', 1],
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const) {
  process.once(signal, () => process.exit(128 + number));
}

const paint = createPaint(process.stdout);
console.log(
  paint('dim', 'The first run takes a minute or two: it fetches Keycloak. Later runs take half a minute.'),
);
const stage = await openStage((line) => console.log(paint('dim', line))).catch((error: unknown) => {
  console.error(`The demo could not start: ${String(error)}`);
  process.exit(1);
});
const played: PlayedScene<Exchange>[] = [];
try {
  const cast = await gatherCast(stage);
  console.log(`\n${formatPrologue(`${stage.issuer}, a realm of Keycloak`, cast, paint)}`);
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
      ['sample/03-keycloak/realm.json', 'is the realm: clients, roles, and the mappers of the audience'],
      ['sample/03-keycloak/api/app.module.ts', 'has the options of the API'],
      ['docs/identity-providers.md', 'tells what to switch on, here and at other providers'],
      ['npm run test:live', 'tests against this Keycloak and a Spring Authorization Server'],
    ]),
  );
} else process.exitCode = 1;
