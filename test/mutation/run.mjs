// Mutates the core and counts what no test notices. Use: npm run mutation -- [FOLDER …]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install, installNode } from '../../.ci/install-node.mjs';
import { Examiner } from './examiner.mjs';
import { FOLDERS } from './folders.mjs';

const STRYKER = '10.0.0';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const REPORTS = join(ROOT, 'reports/mutation');
const SCRATCH = join(ROOT, 'reports/stryker');
/** What counts as found: a test failed, or did not come to an end. */
const FOUND = new Set(['Killed', 'Timeout']);

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => exit(signal));
process.chdir(ROOT);
const names = process.argv.slice(2);
const unknown = names.filter((name) => !(name in FOLDERS));
if (unknown.length > 0) exit(`there is no ${unknown.join(', ')}; known: ${Object.keys(FOLDERS).join(', ')}`);

const equivalents = JSON.parse(readFileSync('test/mutation/equivalents.json', 'utf8'));
const { node, stryker } = installStryker();
const scores = [];
for (const name of names.length > 0 ? names : Object.keys(FOLDERS)) scores.push(await mutate(name));
for (const line of scores) console.log(line);

/** Stryker 10 needs Node 22, the tests run on the Node in PATH. Neither is a dependency of the project. */
function installStryker() {
  mkdirSync(SCRATCH, { recursive: true });
  const binary = join(SCRATCH, 'node_modules/@stryker-mutator/core/bin/stryker.js');
  if (!existsSync(binary)) install(SCRATCH, [`@stryker-mutator/core@${STRYKER}`]);
  const ownNode = installNode(22, SCRATCH);
  if (ownNode === undefined && Number(process.versions.node.split('.')[0]) < 22)
    exit('Stryker needs Node 22, which npm has for Linux on x64 only: start this with Node 22 or later');
  return { node: ownNode ?? process.execPath, stryker: binary };
}

async function mutate(name) {
  mkdirSync(REPORTS, { recursive: true });
  const file = join(REPORTS, `${name}.json`);
  const config = join(REPORTS, `${name}.config.json`);
  const socket = join(REPORTS, `${name}.sock`);
  writeFileSync(config, JSON.stringify(configure(name, file, socket)));
  forgetSurvivors(incrementalFileOf(name));
  const begun = Date.now();
  const examiner = new Examiner(FOLDERS[name]);
  await examiner.listen(socket);
  const child = spawn(node, [stryker, 'run', config], { stdio: 'inherit' });
  process.once('exit', () => child.kill());
  const [status] = await once(child, 'exit');
  await examiner.close();
  if (examiner.failure !== undefined) {
    rmSync(incrementalFileOf(name), { force: true });
    throw examiner.failure;
  }
  if (status !== 0 || !existsSync(file)) exit(`${name}: Stryker ended with ${status}`);
  const minutes = ((Date.now() - begun) / 60_000).toFixed(1);
  return `${report(name, JSON.parse(readFileSync(file, 'utf8')))}, ${minutes} min`;
}

function incrementalFileOf(name) {
  return join(REPORTS, `${name}.incremental.json`);
}

/** Stryker does not see that a test was added: what survived the last run is tried again. */
function forgetSurvivors(file) {
  if (!existsSync(file)) return;
  const last = JSON.parse(readFileSync(file, 'utf8'));
  for (const [path, content] of Object.entries(last.files)) {
    const source = content.source.split('\n');
    content.mutants = content.mutants.filter(
      (mutant) => FOUND.has(mutant.status) || isEquivalent({ ...mutant, path, source }),
    );
  }
  writeFileSync(file, JSON.stringify(last));
}

function configure(name, file, socket) {
  return {
    testRunner: 'command',
    commandRunner: { command: `sh test/mutation/ask.sh '${socket}'` },
    mutate: [`lib/${name}/*.ts`, '!**/*.spec.ts', '!**/index.ts'],
    coverageAnalysis: 'off',
    incremental: true,
    incrementalFile: incrementalFileOf(name),
    concurrency: 1,
    // The examiner ends what does not end.
    timeoutMS: 3_600_000,
    dryRunTimeoutMinutes: 60,
    reporters: ['json'],
    jsonReporter: { fileName: file },
    tempDirName: `.stryker-tmp/${name}`,
    ignorePatterns: ['.stryker-tmp', 'bench', 'coverage', 'dist*', 'reports', '*.tgz'],
    checkers: [],
    allowConsoleColors: false,
  };
}

function report(name, { files }) {
  const all = Object.entries(files).flatMap(([path, { source, mutants }]) =>
    mutants.map((mutant) => ({ ...mutant, path, source: source.split('\n') })),
  );
  const counted = all.filter((mutant) => !['CompileError', 'Ignored'].includes(mutant.status));
  const survivors = counted.filter(({ status }) => !FOUND.has(status));
  const left = survivors.filter((mutant) => !isEquivalent(mutant));
  for (const mutant of left) console.log(describe(mutant));
  const total = counted.length - (survivors.length - left.length);
  const found = total - left.length;
  const percent = total === 0 ? '100' : ((100 * found) / total).toFixed(1);
  return `${name}: ${percent} % (${found} of ${total} found, ${survivors.length - left.length} equivalent)`;
}

/** By the text of the lines, so that an entry outlives changes elsewhere in the file. */
function isEquivalent(mutant) {
  return equivalents.some(
    ({ file, code, replacement }) =>
      file === mutant.path && code === textOf(mutant) && replacement === mutant.replacement,
  );
}

/** What is replaced. */
function textOf({ source, location: { start, end } }) {
  const lines = source.slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1);
  lines[0] = lines[0].slice(start.column - 1);
  return lines.join('\n');
}

function describe(mutant) {
  const { path, location, status, mutatorName, replacement } = mutant;
  return `${path}:${location.start.line}:${location.start.column} ${status} ${mutatorName}\n  - ${textOf(mutant)}\n  + ${replacement}`;
}

function exit(message) {
  console.error(message);
  process.exit(1);
}
