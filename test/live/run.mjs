// Tests against real authorization servers. Use: npm run test:live -- [options of jest]
// Where Java or Maven is missing, it says so, runs nothing, and ends with 0.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const MIN_JAVA_VERSION = 17;
const { JAVA_HOME: home } = process.env;

const javac = spawnSync(home ? join(home, 'bin/javac') : 'javac', ['-version'], { encoding: 'utf8' });
const version = Number(/^javac (\d+)/m.exec(`${javac.stdout}${javac.stderr}`)?.[1] ?? 0);
const hasMaven = spawnSync('mvn', ['-version']).status === 0;

const missing = [
  ...(version < MIN_JAVA_VERSION ? [`a JDK of version ${MIN_JAVA_VERSION} or later`] : []),
  ...(hasMaven ? [] : ['Maven']),
];
if (missing.length > 0) {
  console.log(`NOT RUN: the tests against real authorization servers need ${missing.join(' and ')}`);
  process.exit(0);
}

console.log(`Tests against Keycloak and a Spring Authorization Server, on free ports of loopback.
The first run takes about five minutes: Maven fetches 220 MB, and Keycloak prepares itself. Later runs take
two minutes, and five on a busy machine. Each step is announced below.
`);
const { status } = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    'node_modules/jest/bin/jest.js',
    '--config=test/live/jest.config.js',
    '--runInBand',
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit' },
);
process.exitCode = status ?? 1;
