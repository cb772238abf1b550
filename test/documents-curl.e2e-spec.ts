import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Stage } from '../sample/01-quickstart/stage.js';
import { readDocument } from './documents/snippets.js';

const PAGE = 'docs/local-development.md';
const [, script = ''] = /^```bash\n(#!.*?)^```$/ms.exec(readDocument(PAGE)) ?? [];

const run = promisify(execFile);
const isThere = (command: string, pattern: RegExp) =>
  pattern.test(spawnSync(command, ['version'], { encoding: 'utf8' }).stdout ?? '');
/** LibreSSL and OpenSSL 1 do not sign with Ed25519 from the command line. */
const hasTools = isThere('openssl', /^OpenSSL [3-9]/) && spawnSync('curl', ['--version']).status === 0;
const testWithTools = hasTools ? test : test.skip;

describe(`the script in ${PAGE}, by openssl and curl alone`, () => {
  let stage: Stage;

  beforeAll(async () => {
    // oidc-provider warns of Node 20 as soon as it is imported.
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    const { openStage } = await import('../sample/01-quickstart/stage.js');
    warn.mockRestore();
    stage = await openStage({ logger: false });
  }, 60_000);

  afterAll(() => stage.close());

  testWithTools.each([
    ['GET', '/accounts', 'B1', /^HTTP\/1\.1 200 .*"provedKey":/s],
    ['GET', '/statements', 'B1', /^HTTP\/1\.1 200 .*"for":"quickstart-client"/s],
    ['POST', '/transfers', 'E2', /^HTTP\/1\.1 201 .*"transfer":"done"/s],
    ['DELETE', '/accounts/1', 'C8', /^HTTP\/1\.1 200 .*"removed":true/s],
  ])('%s %s is answered (%s)', async (method, path, _id, answer) => {
    const env = { ...process.env, API: stage.api, ISSUER: stage.issuer };
    const { stdout } = await run('bash', ['-c', script, 'call.sh', method, path], { env });
    expect(stdout).toMatch(answer);
  });

  test('is there', () => {
    expect(script).toContain('openssl pkeyutl -sign');
  });
});
