// Does what a newcomer does with the packed package, outside the repository: an app of the Nest CLI, `nest add`, the
// tests of the app, then an issuer and a call from the command line. Generated apps are kept in .cache/newcomer.
// Use: newcomer.mjs [MAJOR-VERSION-OF-NEST …]
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const cache = join(root, '.cache', 'newcomer');
const STEP_MS = 180_000;
const NPM = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
const AUDIENCE = 'https://api.test';

const asked = process.argv.slice(2);
const versions = asked.length > 0 ? asked : ['11', '12'];
const scratch = await mkdtemp(join(tmpdir(), 'newcomer-'));
const started = Date.now();
try {
  const tarball = await pack();
  const outcomes = await Promise.allSettled(versions.map((version) => playNewcomer(version, tarball)));
  for (const [index, { status, reason }] of outcomes.entries()) {
    if (status === 'fulfilled') continue;
    console.error(`Nest ${versions[index]}: ${describe(reason)}`);
    process.exitCode = 1;
  }
  console.log(`${versions.length} generated apps in ${Math.round((Date.now() - started) / 1000)} s`);
} finally {
  await rm(scratch, { recursive: true, force: true });
}

function describe({ message, stdout = '', stderr = '' }) {
  return [message, stdout, stderr].join('\n').slice(0, 20_000);
}

async function pack() {
  const argv = ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch];
  const { stdout } = await run('npm', argv, { cwd: root });
  return join(scratch, Object.values(JSON.parse(stdout))[0].filename);
}

async function playNewcomer(version, tarball) {
  const app = await copyApp(await generateApp(version), join(scratch, `app-${version}`));
  const [issuerPort, port] = [await freePort(), await freePort()];
  const addresses = { issuer: `http://localhost:${issuerPort}`, origin: `http://localhost:${port}` };
  await inApp(app, 'npm', ['install', ...NPM, tarball]);

  const add = ['nest', 'add', 'nestjs-dpop', '--skip-install', `--audience=${AUDIENCE}`];
  const flags = Object.entries(addresses).map(([name, value]) => `--${name}=${value}`);
  await inApp(app, 'npx', ['--no-install', ...add, ...flags]);
  // With --skip-install, which the packed file needs, the peers are written to package.json only.
  await inApp(app, 'npm', ['install', ...NPM]);
  const written = await digestOf(app);
  await inApp(app, 'npx', ['--no-install', ...add, ...flags]);
  if ((await digestOf(app)) !== written) throw new Error('nest add changed the app when it ran again');

  await inApp(app, 'npm', ['run', 'test']);
  const { stdout, stderr } = await inApp(app, 'npm', ['run', 'test:e2e']);
  if (!/4 passed/.test(stdout + stderr))
    throw new Error(`the test of nest add did not run:\n${stdout}${stderr}`);
  await inApp(app, 'npm', ['run', 'build']);
  await useCommandLine(app, addresses, { issuerPort, port });
  console.log(`Nest ${version}: nest add, its test, the issuer and a call`);
}

/** An issuer in one terminal, the app in another, and calls in the third. */
async function useCommandLine(app, { issuer, origin }, { issuerPort, port }) {
  const command = join(app, 'node_modules/.bin/nestjs-dpop');
  const keyFile = join(app, 'issuer-key.json');
  const processes = [
    await start(command, ['issuer', '--port', `${issuerPort}`, '--key-file', keyFile], app, {}, 'listens on'),
  ];
  try {
    const main = ['dist/main.js', 'dist/src/main.js'].find((file) => existsSync(join(app, file)));
    processes.push(await start(process.execPath, [main], app, { PORT: `${port}` }, 'successfully started'));
    const call = (...argv) => run(command, argv, { cwd: app, timeout: STEP_MS });
    const { stdout } = await call('curl', '--issuer', issuer, `${origin}/`);
    if (stdout !== 'Hello World!') throw new Error(`the guarded route answered ${stdout}`);
    const refused = await call(
      'curl',
      '--issuer',
      issuer,
      '--audience',
      'https://other.test',
      `${origin}/`,
    ).catch((error) => error);
    if (refused.code !== 1 || !/^change .*audience/m.test(refused.stderr))
      throw new Error(`a token of another audience was not explained: ${describe(refused)}`);
    await call('doctor', `${origin}/`, '--issuer', issuer);
  } finally {
    for (const child of processes) child.kill();
  }
}

/** Starts a process, and waits until it has written a text. */
function start(file, argv, cwd, env, text) {
  const child = spawn(file, argv, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  return new Promise((resolve, reject) => {
    const fail = () => reject(new Error(`${file} ${argv.join(' ')} ended early:\n${output}`));
    child.once('exit', fail).once('error', reject);
    const look = (chunk) => {
      output += chunk;
      if (!output.includes(text)) return;
      child.off('exit', fail);
      resolve(child);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
  });
}

/** An app as the Nest CLI makes it, with its packages installed. */
async function generateApp(version) {
  const folder = join(cache, `app-${version}`);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  // Outside the repository, whose packages Node would find otherwise.
  const place = await mkdtemp(join(tmpdir(), 'nestjs-dpop-generate-'));
  try {
    await run('npm', ['install', '--prefix', place, '--ignore-scripts', ...NPM, `@nestjs/cli@${version}`], {
      timeout: STEP_MS,
    });
    const argv = ['new', 'app', '--package-manager', 'npm', '--skip-install', '--skip-git'];
    await run(join(place, 'node_modules/.bin/nest'), argv, { cwd: place, timeout: STEP_MS });
    const app = join(place, 'app');
    await run('npm', ['install', '--ignore-scripts', ...NPM], { cwd: app, timeout: STEP_MS });
    const partial = await mkdtemp(join(cache, 'partial-'));
    await cp(app, join(partial, 'app'), { recursive: true, verbatimSymlinks: true });
    await rename(join(partial, 'app'), folder);
    await rm(partial, { recursive: true });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
  return folder;
}

async function copyApp(from, to) {
  await cp(from, to, { recursive: true, verbatimSymlinks: true });
  return to;
}

/** Without what the repository's own run of npm put into the environment. */
function inApp(cwd, file, argv) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(?:npm_(?!config_)|NODE_OPTIONS$|NODE_PATH$)/i.test(name),
    ),
  );
  return run(file, argv, {
    cwd,
    timeout: STEP_MS,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...env, CI: '1', NO_COLOR: '1' },
  });
}

/** Of all files that `nest add` may write. */
async function digestOf(app) {
  const hash = createHash('sha256');
  for (const folder of ['.', 'src', 'test']) {
    for (const entry of (await readdir(join(app, folder), { withFileTypes: true })).filter((item) =>
      item.isFile(),
    )) {
      hash.update(`${folder}/${entry.name}\n`).update(await readFile(join(app, folder, entry.name)));
    }
  }
  return hash.digest('hex');
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
