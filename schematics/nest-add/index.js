'use strict';

const { posix } = require('node:path');
const { editModule, forRootCall } = require('./module-editor.js');
const { editJestConfig, editPackage } = require('./package-editor.js');
const { createTestFile } = require('./test-file.js');

const JEST_CONFIG = 'test/jest-e2e.json';
const DEFAULTS = {
  issuer: 'http://localhost:4000',
  audience: 'https://api.test',
  origin: 'http://localhost:3000',
  path: '/',
};

const { properties: FLAGS } = require('./schema.json');

/**
 * `nest add nestjs-dpop`: adds the peers, the module with the global guard, and a test. What is there already stays as it
 * is, so that it can run again.
 */
function nestAdd(given = {}) {
  assertKnownFlags(given);
  const set = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined && value !== ''),
  );
  const options = { sourceRoot: 'src', ...DEFAULTS, ...set };
  if (!options.path.startsWith('/')) options.path = `/${options.path}`;
  assertUrl(options.issuer, 'issuer', ISSUER_FORM);
  assertUrl(options.origin, 'origin', ORIGIN_FORM);
  return (tree, context) => {
    // Before anything is changed.
    if (set.module !== undefined && !tree.exists(set.module))
      throw new Error(
        `--module: there is no ${set.module}; name the file of the app module, such as src/app.module.ts`,
      );
    addPeers(tree, context, options);
    const modulePath = addModule(tree, context, options);
    addJestPreset(tree, context);
    addTest(tree, options, modulePath);
    adaptGeneratedTest(tree, context, options);
    return tree;
  };
}

/** The Nest CLI hands on all flags, and may add its own `project`. */
function assertKnownFlags(given) {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(FLAGS, name) && name !== 'project');
  if (unknown === undefined) return;
  const known = Object.keys(FLAGS).filter((name) => name !== 'sourceRoot');
  throw new Error(
    `there is no flag --${toFlag(unknown)}; the flags are ${known.map((name) => `--${toFlag(name)}`).join(', ')}`,
  );
}

const toFlag = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** What DpopModule accepts at start, in its words. */
const LOOPBACK = /^(?:(?:[a-z\d-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
const PLAIN_URL = /^https?:\/\/[^/?#@\s\\][^?#\s\\]*$/i;
const ISSUER_FORM =
  'an https URL, the issuer exactly as in iss, such as "https://auth.example.com", without userinfo, query or fragment (http on loopback only)';
const ORIGIN_FORM =
  'an https URL such as "https://api.example.com", without userinfo, query or fragment (http on loopback only)';

function assertUrl(value, name, accepted) {
  const { protocol, hostname, username, password } = URL.canParse(value) ? new URL(value) : {};
  const isSecure = protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname));
  if (isSecure && PLAIN_URL.test(value) && username === '' && password === '') return;
  // What stands before an @ may be a password.
  const shown = String(value).includes('@') ? '' : `, not ${JSON.stringify(value)}`;
  throw new Error(`--${name} must be ${accepted}${shown}`);
}

/** The values in use; and the one that must not reach production. */
function tellValues({ logger }, { issuer, audience, origin, path }) {
  logger.info(
    `nestjs-dpop: issuer ${issuer}, audience ${audience}, origin ${origin}; the test calls ${path}`,
  );
  if (issuer === DEFAULTS.issuer)
    logger.warn(
      [
        `DEVELOPMENT ISSUER: the service trusts ${issuer}, where npx nestjs-dpop issuer gives a token to every program of this machine.`,
        'Before production, set accessToken.issuer, accessToken.audience and origin in DpopModule.forRoot; or run nest add with --issuer, --audience and --origin at first.',
      ].join('\n'),
    );
}

/** A module that is there stays, with its values. */
function tellIgnored({ logger }, options, path, source) {
  const ignored = ['issuer', 'audience', 'origin'].filter(
    (name) => options[name] !== DEFAULTS[name] && !source.includes(options[name]),
  );
  logger.info(`${path} has DpopModule already and stays as it is.`);
  if (ignored.length > 0)
    logger.warn(`Ignored: ${ignored.map((name) => `--${name}`).join(', ')}; change the values in ${path}.`);
}

function addPeers(tree, context, { skipInstall = false }) {
  const { text, added, jest } = editPackage(read(tree, 'package.json'));
  if (text !== read(tree, 'package.json')) tree.overwrite('package.json', text);
  if (jest === 'unreadable') adviseJest(context, 'the section jest of package.json');
  if (added.length > 0 && !skipInstall) {
    context.addTask({
      toConfiguration: () => ({ name: 'node-package', options: { command: 'install', quiet: true } }),
    });
  }
}

/** @returns the path of the app module */
function addModule(tree, context, options) {
  const path = options.module ?? posix.join(options.sourceRoot, 'app.module.ts');
  const source = tree.exists(path) ? read(tree, path) : undefined;
  const { source: edited, outcome } =
    source === undefined ? { source: '', outcome: 'unreadable' } : editModule(source, options);
  if (outcome === 'there') tellIgnored(context, options, path, source);
  else tellValues(context, options);
  if (outcome === 'added') {
    tree.overwrite(path, edited);
    context.logger.info(
      `Every route now needs a DPoP-bound token; mark public ones with @SkipDpop(). Tests that call routes without credentials get 401.`,
    );
  }
  if (outcome === 'unreadable') {
    context.logger.warn(
      [
        `${path} could not be edited. Add to its imports:`,
        forRootCall(options),
        'to its providers:',
        '{ provide: APP_GUARD, useExisting: DpopGuard }',
        'and the names: APP_GUARD of @nestjs/core, DpopGuard and DpopModule of nestjs-dpop.',
      ].join('\n'),
    );
  }
  return path;
}

function addJestPreset(tree, context) {
  if (!tree.exists(JEST_CONFIG)) return;
  const former = read(tree, JEST_CONFIG);
  const { text, outcome } = editJestConfig(former);
  if (outcome === 'added') tree.overwrite(JEST_CONFIG, text);
  if (outcome === 'unreadable') adviseJest(context, JEST_CONFIG);
}

function adviseJest(context, place) {
  context.logger.warn(
    `${place} has a preset or transformIgnorePatterns already; see docs/testing.md of nestjs-dpop, "Jest".`,
  );
}

function addTest(tree, { sourceRoot, path }, modulePath) {
  const file = posix.join(testFolder(sourceRoot), 'dpop.e2e-spec.ts');
  if (tree.exists(file) || !tree.exists(modulePath)) return;
  // An ES module app writes the extension of what is built.
  const { type } = JSON.parse(read(tree, 'package.json'));
  const extension = type === 'module' ? '.js' : '';
  const moduleImport = posix.relative(testFolder(sourceRoot), modulePath).replace(/\.ts$/, extension);
  tree.create(file, createTestFile({ moduleImport, path }));
}

/** The test that the Nest CLI wrote calls the route without credentials. A test of the app itself stays as it is. */
function adaptGeneratedTest(tree, context, { sourceRoot, module }) {
  const file = posix.join(testFolder(sourceRoot), 'app.e2e-spec.ts');
  if (module !== undefined || !tree.exists(file)) return;
  const former = read(tree, file);
  const adapted = former.replace(
    /(\.get\('\/'\)\s*)\.expect\(200\)\s*\.expect\('Hello World!'\);/,
    '$1.expect(401); // guarded by DpopGuard, see dpop.e2e-spec.ts',
  );
  if (adapted === former) return;
  tree.overwrite(file, adapted);
  context.logger.info(`${file} now expects 401 where it called the route without credentials.`);
}

function testFolder(sourceRoot) {
  return posix.join(posix.dirname(sourceRoot), 'test');
}

function read(tree, path) {
  const content = tree.read(path);
  if (content === null) throw new Error(`there is no ${path}; run nest add in the folder of the app`);
  return content.toString();
}

module.exports = { nestAdd };
