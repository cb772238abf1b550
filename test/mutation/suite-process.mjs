// One Jest, one spec, in a process of its own: see suite-runner.mjs. Use: suite-process.mjs SPEC, in the folder of the project
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runCLI } from 'jest';

process.on('disconnect', () => process.exit());

const root = process.cwd();
const { default: base } = await import(pathToFileURL(join(root, 'jest.config.js')).href);
const config = { ...base, rootDir: root, testRunner: join(import.meta.dirname, 'suite-runner.mjs') };
await runCLI(
  {
    _: [process.argv[2]],
    $0: 'jest',
    config: JSON.stringify(config),
    runTestsByPath: true,
    runInBand: true,
    silent: true,
    ci: true,
    coverage: false,
    watchman: false,
    reporters: [],
  },
  [root],
);
