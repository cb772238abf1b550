// Checks what would be published, and the lock file. Use: check-package.mjs OUTPUT-OF-NPM-PACK.json
import { existsSync, readFileSync } from 'node:fs';

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));
const findings = [
  ...findForeignFiles(Object.values(readJson(process.argv[2]))[0].files.map(({ path }) => path)),
  ...findInstallScripts(readJson('package.json')),
  ...findLockGaps(readJson('package-lock.json').packages),
];
for (const finding of findings) console.error(finding);
if (findings.length > 0) process.exit(1);
console.log('published files, scripts and lock file are as they must be');

function findForeignFiles(paths) {
  const required = [
    'README.md',
    'LICENSE',
    'SECURITY.md',
    'CHANGELOG.md',
    'package.json',
    'jest-preset.json',
    'dist/index.js',
    'dist/cli/main.js',
    'schematics/collection.json',
    'schematics/package.json',
  ];
  const missing = required.filter((path) => !paths.includes(path));
  const foreign = paths.filter((path) => !/^(?:dist|schematics)\//.test(path) && !required.includes(path));
  return [
    ...missing.map((path) => `not published: ${path}`),
    ...foreign.map((path) => `published, but must not be: ${path}`),
    ...paths.filter((path) => path.includes('.spec.')).map((path) => `a test is published: ${path}`),
  ];
}

/** Nothing of ours runs on the machine of whoever installs the package. */
function findInstallScripts({ scripts }) {
  const names = [
    'preinstall',
    'install',
    'postinstall',
    'preprepare',
    'prepare',
    'postprepare',
    'prepublish',
  ];
  const found = names.filter((name) => name in scripts).map((name) => `package.json has a script ${name}`);
  return existsSync('binding.gyp') ? [...found, 'binding.gyp makes npm run node-gyp'] : found;
}

/**
 * Optional packages of other platforms must be in the lock file, or `npm ci` fails there; where a package comes from
 * is for the reader's own registry to say.
 */
function findLockGaps(packages) {
  const gaps = [];
  for (const [path, { optionalDependencies = {}, resolved, link }] of Object.entries(packages)) {
    if (resolved !== undefined && link !== true) gaps.push(`package-lock.json: ${path} names a host`);
    for (const name of Object.keys(optionalDependencies)) {
      if (!isLocked(packages, path, name)) gaps.push(`package-lock.json: ${path} lacks ${name}`);
    }
  }
  return gaps;
}

/** As Node looks a package up: in the folder itself, then in each above it. */
function isLocked(packages, path, name) {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    if (`${folder === '' ? '' : `${folder}/`}node_modules/${name}` in packages) return true;
    if (folder === '') return false;
  }
}
