import { mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { openStage, type Stage, type StageOptions } from '../../sample/07-bank/stage.js';
import { findFaults } from './bank/axe.js';
import {
  chooseBank,
  DESKTOP,
  isLoggedIn,
  isReady,
  openBankPage,
  statusesOf,
  textOf,
} from './bank/bank-page.js';
import { attempt, copyLoot, expectEachLetIn, expectEachRefused, THEFTS } from './bank/thefts.js';
import { type Browser, startBrowser } from './browser.js';

const IMAGES = 'docs/images';
const SIZES = { desktop: DESKTOP, phone: { width: 390, height: 844 } } as const;
const THEMES = ['light', 'dark'] as const;

let browser: Browser;
let stage: Stage | undefined;
const faults: string[] = [];

beforeEach(async () => {
  browser = await startBrowser();
  faults.length = 0;
});

afterEach(async () => {
  await browser.close();
  await stage?.close();
  stage = undefined;
});

async function openPage(options: StageOptions = {}): Promise<Page> {
  stage = await openStage(options);
  return await openBankPage(browser.context, stage.page, faults);
}

/** From the button of the page over the login page and back. */
async function logIn(page: Page): Promise<void> {
  await page.click('.log-in:visible');
  await page.click('button[type=submit] >> text=Log in');
  await isLoggedIn(page);
}

describe('the bank in Chromium', () => {
  test('login, balance, transfer with nonce and second factor (E2, J2)', async () => {
    const page = await openPage();
    await logIn(page);
    expect(await textOf(page, '#balance')).toBe('€2,075.80');
    await page.waitForSelector('#feed[data-state=on]');
    await page.click('#transfer button');
    await page.click('text=Confirm >> nth=-1');
    await isReady(page);
    // By selectors: the policy of the page (CSP) forbids the evaluation of text by waitForFunction.
    await page.waitForSelector('#message:has-text("sent to Bob")', { state: 'attached' });
    expect(await textOf(page, '#balance')).toBe('€2,050.80');
    expect(await statusesOf(page, '[data-lane=api]', 'POST /transfers')).toEqual(['401', '201']);
    // The second factor is recent: no login, and the nonce is known.
    await page.fill('#amount', '5');
    await page.click('#transfer button');
    await page.waitForSelector('#balance:has-text("€2,045.80")', { state: 'attached' });
    expect(faults).toStrictEqual([]);
  });

  test('a login without the second factor that the bank asked for is not repeated without end (E2)', async () => {
    const page = await openPage();
    await logIn(page);
    await page.route(/\/auth\?/, async (route) => {
      const url = new URL(route.request().url());
      url.searchParams.delete('acr_values');
      await route.continue({ url: url.href });
    });
    await page.click('#transfer button');
    await page.click('button[type=submit] >> text=Log in');
    await page.waitForSelector('#message:has-text("The bank does not accept this login for transfers.")');
    expect(await statusesOf(page, '[data-lane=api]', 'POST /transfers')).toEqual(['401', '401']);
    expect(await textOf(page, '#balance')).toBe('€2,075.80');
    expect(faults).toStrictEqual([]);
  });

  test('a reload keeps the key, and no script can export it', async () => {
    const page = await openPage();
    const key = await textOf(page, '#thumbprint');
    expect(key).toMatch(/^[\w-]{43}$/);
    await logIn(page);
    await page.reload();
    await isReady(page);
    expect(await textOf(page, '#thumbprint')).toBe(key);
    expect(await textOf(page, '#balance')).toBe('€2,075.80');
    await page.click('#export');
    await page.waitForSelector('#export-outcome:not(:empty)');
    expect(await textOf(page, '#export-outcome')).toBe('InvalidAccessError: the key is not extractable.');
    const formats = await page.evaluate(`(async () => {
      const { privateKey } = await (await import('/key-store.js')).loadKeys();
      const attempts = ['jwk', 'pkcs8'].map((format) => crypto.subtle.exportKey(format, privateKey));
      return (await Promise.allSettled(attempts)).map(({ reason }) => reason?.name);
    })()`);
    expect(formats).toEqual(['InvalidAccessError', 'InvalidAccessError']);
    expect(faults).toStrictEqual([]);
  });

  test('each theft is refused by the bank with DPoP (B5, C9, C11, F1)', async () => {
    const page = await openPage();
    await logIn(page);
    await expectEachRefused(page);
    expect(await textOf(page, '#balance')).toBe('€2,075.80');
    expect(faults).toStrictEqual([]);
  }, 120_000);

  test('each theft succeeds at the bank with Bearer tokens', async () => {
    const page = await openPage();
    await chooseBank(page, 'bearer');
    await logIn(page);
    await expectEachLetIn(page);
    expect(await textOf(page, '#balance')).toBe('€1,975.80');
    expect(faults).toStrictEqual([]);
  }, 120_000);

  test('a script of another origin reads DPoP-Nonce and WWW-Authenticate (D7)', async () => {
    const page = await openPage();
    await logIn(page);
    const headers = await page.evaluate(`(async () => {
      const { api } = await (await fetch('/config.json')).json();
      const { value } = JSON.parse(sessionStorage.getItem('token.dpop'));
      const { loadKeys } = await import('/key-store.js');
      const { DPoP, ...oauth } = await import('/vendor/index.js');
      const options = { DPoP: DPoP({}, await loadKeys()), [oauth.allowInsecureRequests]: true };
      const url = new URL('/transfers', api);
      const error = await oauth.protectedResourceRequest(value, 'POST', url, null, null, options).catch((e) => e);
      const names = ['dpop-nonce', 'www-authenticate', 'cache-control'];
      return names.map((name) => error.response.headers.get(name));
    })()`);
    expect(headers).toEqual([
      expect.stringMatching(/^[\w.-]+$/),
      expect.stringMatching(/^DPoP realm="bank", error="use_dpop_nonce"/),
      'no-store',
    ]);
  });

  test('the feed closes when the token ends, and the page says so (J2)', async () => {
    const page = await openPage({ tokenLifetimeSeconds: 12 });
    await logIn(page);
    await page.waitForSelector('body[data-login=ended]', { state: 'attached', timeout: 40_000 });
    expect(await textOf(page, '#feed')).toBe('Closed by the bank, 4401');
    expect(await textOf(page, '#message')).toContain('The token has ended');
    await page.click('.again');
    await isReady(page);
    await page.waitForSelector('body[data-login=in]', { state: 'attached' });
  });
});

describe('the look of the bank', () => {
  test('axe finds nothing, and nothing shifts, in both themes and sizes', async () => {
    const page = await openPage();
    const write = process.env['WRITE_IMAGES'] === '1';
    if (write) mkdirSync(IMAGES, { recursive: true });
    await page.addInitScript(`
      window.shifts = 0;
      new PerformanceObserver((list) => { for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) window.shifts += value; })
        .observe({ type: 'layout-shift', buffered: true });
    `);
    expect(await findFaults(page)).toStrictEqual([]);
    await logIn(page);
    await copyLoot(page);
    for (const theft of THEFTS) await attempt(page, theft);
    expect(await page.evaluate('window.shifts')).toBeLessThan(0.01);
    // The keyboard: the outcome comes, and the focus stays where it was.
    await page.focus('[data-theft=bearer] button');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-theft=bearer][data-state=refused]');
    expect(await page.evaluate("document.activeElement.closest('[data-theft]').dataset.theft")).toBe(
      'bearer',
    );
    for (const [size, viewport] of Object.entries(SIZES)) {
      for (const colorScheme of THEMES) {
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme });
        expect([size, colorScheme, await findFaults(page)]).toEqual([size, colorScheme, []]);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(viewport.width);
        if (!write) continue;
        await page.evaluate(
          size === 'phone' ? "document.getElementById('bench-title').scrollIntoView()" : 'scrollTo(0, 0)',
        );
        await page.screenshot({ path: `${IMAGES}/bank-${size}-${colorScheme}.png` });
      }
    }
    await chooseBank(page, 'bearer');
    await logIn(page).catch(() => undefined);
    await copyLoot(page);
    await attempt(page, 'bearer');
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme });
      expect([colorScheme, await findFaults(page)]).toEqual([colorScheme, []]);
    }
  }, 120_000);
});
