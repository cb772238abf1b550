import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openStage, type Stage } from '../../sample/07-bank/stage.js';
import { readNames, readRow } from '../documents/markdown.js';
import { type Browser, startBrowser } from './browser.js';
import { CLIENT_SCRIPTS } from './clients/scripts.js';
import { servePackages } from './clients/serve-packages.js';

const PAGE = 'docs/clients.md';
const versions = (
  createRequire(import.meta.url)('../../package.json') as {
    readonly devDependencies: Readonly<Record<string, string>>;
  }
).devDependencies;

/** Libraries that apps ship, each in the page of the bank's client: a login with PKCE, a call, and a nonce challenge. */
describe('client libraries in Chromium', () => {
  let stage: Stage | undefined;
  let browser: Browser | undefined;

  beforeAll(async () => {
    stage = await openStage();
  });

  afterAll(() => stage?.close());

  test.each(CLIENT_SCRIPTS)('$name logs in, calls, and answers a nonce challenge (E2)', async (client) => {
    const origin = stage?.page ?? '';
    browser = await startBrowser();
    try {
      await servePackages(browser.context, origin);
      const page = await browser.context.newPage();
      await page.goto(origin);
      await page.waitForSelector('body[data-ready]', { state: 'attached' });
      await page.evaluate(client.start).catch((error: unknown) => {
        // The page is left while its script runs.
        if (!String(error).includes('context was destroyed')) throw error;
      });
      await page.click('button[type=submit] >> text=Log in');
      await page.waitForSelector('body[data-ready]', { state: 'attached' });
      expect(await page.evaluate(client.finish)).toEqual([200, true, 'insufficient_user_authentication']);
    } finally {
      await browser.close();
    }
  });

  test('each has a row with its version in the documents, and no other one', () => {
    const names = CLIENT_SCRIPTS.map(({ name }) => name);
    expect([...readNames(PAGE, 'client')]).toEqual(names);
    for (const name of names) {
      const [, version] = readRow(PAGE, name, 'client');
      expect([name, version]).toEqual([name, versions[name]?.replace(/^\^(\d+\.\d+)\..*/, '$1')]);
    }
  });
});
