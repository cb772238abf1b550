// Runs the checks in test/nest-versions on the packed package beside each version of Nest. What npm installs is kept in a
// folder of the system for temporary files, one for each set of versions. Use: nest-versions.mjs [VERSION …]
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const cache = join(tmpdir(), 'nestjs-dpop-nest-versions');
const CHECKS = ['checks.mjs', 'combinations.mjs', 'roll-out.mjs'];
const FILES = [...CHECKS, 'by-hand.mjs'];
const INSTALL_MS = 300_000;
const CHECKS_MS = 120_000;

const asked = process.argv.slice(2);
const versions = asked.length > 0 ? asked : ['11.0.0', '11.1.6', '11', '12.0.1', '12'];
const scratch = await mkdtemp(join(tmpdir(), 'nestjs-dpop-pack-'));
try {
  const started = Date.now();
  const tarball = await pack();
  const failed = [];
  // Two at a time: npm waits for the network, the checks for the processor.
  for (let index = 0; index < versions.length; index += 2) {
    const pair = versions.slice(index, index + 2);
    const outcomes = await Promise.allSettled(pair.map((version) => check(version, tarball)));
    for (const [position, { status, reason }] of outcomes.entries()) {
      if (status === 'fulfilled') continue;
      failed.push(pair[position]);
      console.error(`Nest ${pair[position]}: ${describeFailures(reason)}`);
    }
  }
  console.log(`${versions.length} versions of Nest in ${Math.round((Date.now() - started) / 1000)} s`);
  if (failed.length > 0) {
    console.error(`failed on Nest ${failed.join(', ')}`);
    process.exitCode = 1;
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}

/** The checks that failed, or all that a tool said. */
function describeFailures({ message, stdout = '', stderr = '' }) {
  const lines = stdout.split('\n');
  const failures = lines.flatMap((line, index) =>
    /^ +not ok /.test(line) ? [line, ...lines.slice(index + 1, index + 20)] : [],
  );
  return [message, failures.length > 0 ? failures.join('\n') : stdout + stderr].join('\n').slice(0, 20_000);
}

async function pack() {
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch], {
    cwd: root,
  });
  return join(scratch, Object.values(JSON.parse(stdout))[0].filename);
}

async function check(version, tarball) {
  const { folder, installed } = await install(version);
  // Inside the folder, where Node looks for packages in each folder above.
  const place = await mkdtemp(join(folder, 'run-'));
  try {
    const target = join(place, 'node_modules', 'nestjs-dpop');
    await mkdir(target, { recursive: true });
    await run('tar', ['-xzf', tarball, '-C', target, '--strip-components', '1']);
    for (const file of FILES) await copyFile(join(root, 'test/nest-versions', file), join(place, file));
    const { stdout } = await run(process.execPath, ['--test', '--test-reporter', 'tap', ...CHECKS], {
      cwd: place,
      timeout: CHECKS_MS,
      maxBuffer: 64 * 1024 * 1024,
    });
    const count = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(stdout)?.[1]);
    if (!(count('pass') > 0)) throw new Error('no check has run');
    console.log(`Nest ${installed}: ${count('pass')} passed, ${count('fail')} failed`);
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

async function install(version) {
  const installed = await newest('@nestjs/core', version);
  const [major] = version.split('.');
  // Not each package of Nest is released each time: the newest that is not newer than the core.
  const exact = `>=${major}.0.0 <=${installed}`;
  const dependencies = {
    '@nestjs/common': installed,
    '@nestjs/core': installed,
    '@nestjs/platform-express': exact,
    '@nestjs/platform-fastify': exact,
    '@nestjs/passport': `^${major}.0.0`,
    // There is no 11.0.0 of them.
    '@nestjs/platform-socket.io': `${exact} || ~${major}.0.0`,
    '@nestjs/platform-ws': `${exact} || ~${major}.0.0`,
    '@nestjs/websockets': exact,
    // CommonJS. The peers of or-guard end with Nest 11.
    '@nestjs/throttler': '^6.7.1',
    '@nest-lab/or-guard': '^2.6.0',
    'nestjs-cls': '^6.3.1',
    '@nestjs/testing': exact,
    '@opentelemetry/api': '^1.9.1',
    '@opentelemetry/exporter-prometheus': '^0.223.0',
    '@opentelemetry/sdk-metrics': '^2.12.1',
    passport: '^0.7.0',
    'reflect-metadata': '^0.2.2',
    rxjs: '^7.8.2',
    'socket.io-client': '^4.8.4',
    ws: '^8.23.0',
    ...JSON.parse(await readFile(join(root, 'package.json'), 'utf8')).dependencies,
  };
  const hash = createHash('sha256').update(JSON.stringify(dependencies)).digest('hex').slice(0, 12);
  const folder = join(cache, `nest-${installed}-${hash}`);
  if (existsSync(folder)) return { folder, installed };

  await mkdir(cache, { recursive: true });
  const partial = await mkdtemp(join(cache, 'partial-'));
  await writeFile(
    join(partial, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies }),
  );
  // platform-fastify 11.0.0 still asks for Nest 10.
  const flags = [
    '--legacy-peer-deps',
    '--prefer-offline',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
  ];
  try {
    await run('npm', ['install', ...flags], { cwd: partial, timeout: INSTALL_MS });
    // Another run may have been faster.
    if (!existsSync(folder)) await rename(partial, folder);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return { folder, installed };
}

/** The newest of the versions that a version, or a major version alone, stands for. */
async function newest(name, version) {
  if (version.split('.').length === 3) return version;
  const { stdout } = await run('npm', ['view', `${name}@^${version}.0.0`, 'version', '--json'], {
    timeout: INSTALL_MS,
  });
  return [JSON.parse(stdout)].flat().at(-1);
}
