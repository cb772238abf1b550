import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Browser, startBrowser } from './browser.js';
import {
  type ClientRow,
  formatTable,
  type NonceAnswer,
  readTable,
  writeTable,
} from './clients/client-table.js';
import { DrivenClient } from './clients/driven-client.js';
import type { Exchange } from './clients/exchanges.js';
import { bundleScripts } from './clients/page.js';
import { openTestBed, type TestBed } from './clients/test-bed.js';

const DOCUMENT = 'docs/clients.md';
const NAMES = [
  'oauth4webapi',
  'openid-client',
  'oidc-client-ts',
  '@auth0/auth0-spa-js',
  '@okta/okta-auth-js',
  '@azure/msal-browser',
  '@atproto/oauth-client-browser',
] as const;

const scriptOf = (name: string) => name.replace(/^@.*\//, '');
const wentThrough = (exchanges: readonly Exchange[]) => (exchanges.at(-1)?.status ?? 0) < 300;

const observed = new Map<string, Partial<ClientRow>>();
const note = (name: string, more: Partial<ClientRow>) =>
  observed.set(name, { ...observed.get(name), ...more });

function rowOf(name: string): ClientRow {
  const row = observed.get(name);
  if (row?.apiNonce === undefined || row.issuerNonce === undefined) {
    throw new Error(`Not all was observed of ${name}: run all tests of this file, and see that they pass`);
  }
  return row as ClientRow;
}

let scripts: ReadonlyMap<string, string>;
let bed: TestBed;
let browser: Browser;
let client: DrivenClient;

/** What became of the challenge in these exchanges. `retry` does what the library says for it, if it says anything. */
async function answerOf(
  exchanges: () => Promise<readonly Exchange[]>,
  retry: () => Promise<void>,
): Promise<NonceAnswer> {
  const first = await exchanges();
  expect(first[0]?.error).toBe('use_dpop_nonce');
  if (wentThrough(first)) return 'by itself';
  await retry();
  const all = await exchanges();
  if (wentThrough(all)) return 'in your code';
  expect(all.filter(({ error }) => error !== 'use_dpop_nonce')).toStrictEqual([]);
  return 'not possible';
}

/**
 * Calls the guarded route, which answers the thumbprint that the guard verified. It must be that of the key to which the
 * authorization server bound the token.
 */
async function callGuarded(): Promise<{ readonly seen: object; readonly wanted: object }> {
  const { status, body } = await client.call('GET', '/account');
  const [called] = await bed.exchanges.with('api');
  const issued = (await bed.exchanges.with('issuer')).findLast(({ path }) => path === '/oauth/token');
  const { thumbprint } = body as { readonly thumbprint?: string };
  return {
    seen: { status, scheme: called?.scheme, thumbprint },
    wanted: { status: 200, scheme: 'DPoP', thumbprint: issued?.thumbprint ?? 'that of the token request' },
  };
}

describe('client libraries in Chromium', () => {
  beforeAll(() => {
    scripts = bundleScripts(NAMES.map(scriptOf));
  });

  beforeEach(async () => {
    browser = await startBrowser({ anyCertificate: true });
  });

  afterEach(() => browser.close());

  describe('at an authorization server without nonces', () => {
    beforeAll(async () => {
      bed = await openTestBed({ demandsNonces: false, scripts });
    });

    afterAll(() => bed.close());

    test.each(NAMES)('%s logs in, calls, and meets a nonce challenge of the API (B3, E2)', async (name) => {
      client = await DrivenClient.open(browser.context, bed, scriptOf(name));
      await client.logIn();
      await client.redeem();
      const { seen, wanted } = await callGuarded();
      const passes = isDeepStrictEqual(seen, wanted);
      note(name, { name, passes, whatToKnow: await client.readWhatToKnow() });
      expect(seen).toEqual(wanted);
      await client.call('POST', '/transfers');
      const apiNonce = await answerOf(
        async () => (await bed.exchanges.with('api')).filter(({ path }) => path === '/transfers'),
        () => client.callAgain('POST', '/transfers'),
      );
      note(name, { apiNonce });
    });

    test.each(NAMES)('%s calls after a reload, with the key and the token of before (B3)', async (name) => {
      client = await DrivenClient.open(browser.context, bed, scriptOf(name));
      await client.logIn();
      await client.redeem();
      const requests = (await bed.exchanges.with('issuer')).length;
      await client.reload();
      const { seen, wanted } = await callGuarded();
      expect(seen).toEqual(wanted);
      expect(await bed.exchanges.with('issuer')).toHaveLength(requests);
    });
  });

  describe('at an authorization server that demands nonces', () => {
    beforeAll(async () => {
      bed = await openTestBed({ demandsNonces: true, scripts });
    });

    afterAll(() => bed.close());

    test.each(NAMES)('%s meets a nonce challenge at the login (B3)', async (name) => {
      client = await DrivenClient.open(browser.context, bed, scriptOf(name));
      await client.logIn();
      // The exchanges tell whether it was refused.
      await client.redeem().catch(() => undefined);
      const issuerNonce = await answerOf(
        () => bed.exchanges.with('issuer'),
        () => client.redeemAgain(),
      );
      note(name, { issuerNonce });
      if (issuerNonce === 'not possible') {
        await client.logIn();
        await expect(client.redeem()).rejects.toThrow('use_dpop_nonce');
        return;
      }
      const { seen, wanted } = await callGuarded();
      expect(seen).toEqual(wanted);
    });
  });
});

test('the table in the documents says what was observed', () => {
  const table = formatTable(NAMES.map(rowOf));
  if (process.env['WRITE_TABLE'] === '1') writeTable(DOCUMENT, table);
  expect(readTable(DOCUMENT)).toBe(table);
});
