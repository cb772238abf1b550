// Tests in Chromium. Use: npm run test:browser -- [options of jest]
// Where there is no Chromium, it says so, runs nothing, and ends with 0.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const { CHROMIUM = '/usr/bin/chromium' } = process.env;
if (!existsSync(CHROMIUM)) {
  console.log(`NOT RUN: the tests in a browser need Chromium, and there is no ${CHROMIUM}. Install it with
  sudo apt-get install chromium   (Debian)
or name another one: CHROMIUM=/path/to/chromium npm run test:browser`);
  process.exit(0);
}

const { status } = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    'node_modules/jest/bin/jest.js',
    '--config=test/browser/jest.config.js',
    '--runInBand',
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit', env: { ...process.env, CHROMIUM } },
);
process.exitCode = status ?? 1;
