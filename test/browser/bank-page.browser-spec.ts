import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { openStage, type Stage } from '../../sample/07-bank/stage.js';
import {
  chooseBank,
  isReady,
  logIn,
  logInAgain,
  openBankPage,
  statusesOf,
  textOf,
} from './bank/bank-page.js';
import { attempt, copyLoot } from './bank/thefts.js';
import { type Browser, startBrowser } from './browser.js';

let browser: Browser;
let stage: Stage;
let page: Page;
const faults: string[] = [];

beforeEach(async () => {
  faults.length = 0;
  browser = await startBrowser();
  stage = await openStage();
  page = await openBankPage(browser.context, stage.page, faults);
});

afterEach(async () => {
  await browser.close();
  await stage.close();
});

const says = (selector: string, sentence: string) =>
  page.waitForSelector(`${selector}:text-is("${sentence}")`, { state: 'attached' });

describe('the address of the page of the bank', () => {
  test('an answer to no login leaves it, and is told in a sentence', async () => {
    for (const [search, sentence] of [
      ['code=old&state=old', 'This answer to a login is an old one. Nothing was done with it.'],
      ['error=access_denied&state=old', 'The login was cancelled.'],
      [
        'error=server_error&error_description=Call+us&state=old',
        'The authorization server refused the login. Log in again.',
      ],
    ] as const) {
      await page.goto(`${stage.page}/?${search}`);
      await isReady(page);
      expect([search, page.url()]).toEqual([search, `${stage.page}/`]);
      expect(await textOf(page, '#message')).toBe(sentence);
    }
    expect(faults).toStrictEqual([]);
  });

  test('Back from a login shows an expired login with a link to the bank', async () => {
    await page.click('.log-in:visible');
    await page.waitForSelector('input[name=password]:focus');
    await page.click('button[type=submit] >> text=Log in');
    await isReady(page);
    await page.goBack();
    await page.click('text=Go back to the bank');
    await isReady(page);
    expect(page.url()).toBe(`${stage.page}/`);
  });
});

describe('a transfer on the page of the bank', () => {
  test('is not sent again while it is in flight', async () => {
    await logIn(page);
    let release = () => undefined as void;
    const held = new Promise<void>((resolve) => (release = resolve));
    const sent: string[] = [];
    await page.route('**/transfers', async (route) => {
      if (route.request().method() === 'POST') sent.push(route.request().url());
      await held;
      await route.continue();
    });
    await page.click('#transfer button');
    await page.waitForSelector('#transfer button[aria-disabled=true]');
    // Playwright takes the button for disabled, and a person may not.
    await page.click('#transfer button', { force: true });
    release();
    await page.waitForSelector('input[name=pin]:focus');
    // The one that is answered with a nonce, and the one with it.
    expect(sent).toHaveLength(2);
    await page.click('text=Confirm >> nth=-1');
    await says('#message', '€25.00 sent to Bob.');
    await page.waitForSelector('#transfer button[aria-disabled=false]');
    expect(faults).toStrictEqual([]);
  });

  test('goes to each name of letters, and to no other', async () => {
    await logIn(page);
    const check = async (to: string) => {
      await page.fill('#to', to);
      return await page.evaluate("document.getElementById('to').checkValidity()");
    };
    const names = ['Bob', 'Zoë', '李 明', ' Ann Lee ', '   ', 'R2', '<b>', ''];
    const verdicts = [];
    for (const name of names) verdicts.push(await check(name));
    expect(verdicts).toEqual([true, true, true, true, false, false, false, false]);
  });

  test('has room for the name at 320 px', async () => {
    await logIn(page);
    await page.setViewportSize({ width: 320, height: 640 });
    expect((await page.locator('#to').boundingBox())?.width).toBeGreaterThan(120);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320);
  });
});

describe('what the page of the bank says', () => {
  test('a token whose key is lost is not called ended', async () => {
    await logIn(page);
    await page.evaluate(`new Promise((resolve, reject) => {
      const opened = indexedDB.open('bank', 1);
      opened.onsuccess = () => {
        const store = opened.result.transaction('keys', 'readwrite').objectStore('keys');
        store.clear().onsuccess = resolve;
      };
      opened.onerror = reject;
    })`);
    await page.reload();
    await isReady(page);
    await says('#message', 'The key of this token is lost. Log in again.');
    expect(await textOf(page, '#log-token')).toBe('Log in first.');
    await page.click('.again');
    await isReady(page);
    await page.waitForSelector('body[data-login=in]', { state: 'attached' });
  });

  test('a bank that does not answer gives no loot, and is named', async () => {
    await logIn(page);
    await page.waitForSelector('#feed[data-state=on]');
    await page.route(`${stage.api}/**`, (route) => route.abort());
    await page.click('#copy');
    await says('#message', 'No answer. Is the bank still running?');
    await says('#thief-message', 'There is nothing to copy: the bank did not answer the last request.');
    expect(await page.isDisabled('#try-all')).toBe(true);
  });

  test('after Log out the login of the authorization server stays, and the focus is on Log in', async () => {
    await logIn(page);
    await page.click('#log-out');
    await page.waitForSelector('.out .log-in:focus');
    expect(await textOf(page, '#message')).toBe(
      'Logged out here, not at the authorization server. The key stays.',
    );
    // No login page in between.
    await page.keyboard.press('Enter');
    await page.waitForSelector('body[data-login=in]', { state: 'attached' });
    expect(faults).toStrictEqual([]);
  });
});

describe('the thief of the page', () => {
  test('a theft that waits ends with a change of the bank', async () => {
    // The clock of the page; that of the bank goes on.
    await page.clock.install();
    await page.reload();
    await isReady(page);
    await logIn(page);
    await copyLoot(page);
    await page.click('[data-theft=later] button');
    await page.waitForSelector('[data-theft=later] .outcome:has-text("The thief waits")');
    await chooseBank(page, 'bearer');
    const stolen: string[] = [];
    page.on('request', (request) => stolen.push(request.url()));
    await page.clock.fastForward(15_000);
    await page.evaluate("fetch('/config.json').then((response) => response.json())");
    expect(stolen).toEqual([`${stage.page}/config.json`]);
    expect(await textOf(page, '[data-theft=later] .outcome')).toBe('Not tried yet.');
    expect(await statusesOf(page, '[data-actor=thief]', '')).toStrictEqual([]);
  });

  test('all thefts at once end with the sum of them, at both banks', async () => {
    await logIn(page);
    await copyLoot(page);
    await page.click('#try-all');
    await page.waitForSelector('#thief-message:text-is("6 of 6 refused. Now switch to token only.")', {
      timeout: 40_000,
    });
    await chooseBank(page, 'bearer');
    await logInAgain(page);
    await copyLoot(page);
    await page.click('#try-all');
    await says('#thief-message', '6 of 6 let in. Now switch to token and key.');
    expect(faults).toStrictEqual([]);
  }, 120_000);

  test('an empty account is no check of the bank with Bearer tokens', async () => {
    await chooseBank(page, 'bearer');
    await logIn(page);
    const statuses = await page.evaluate(`(async () => {
      const { plainApi } = await (await fetch('/config.json')).json();
      const { value } = JSON.parse(sessionStorage.getItem('token.bearer'));
      const headers = { authorization: 'Bearer ' + value, 'content-type': 'application/json' };
      const body = JSON.stringify({ to: 'Bob', amountCents: 50000 });
      const statuses = [];
      for (let count = 0; count < 4; count += 1)
        statuses.push((await fetch(plainApi + '/transfers', { method: 'POST', headers, body })).status);
      return statuses;
    })()`);
    expect(statuses).toEqual([201, 201, 201, 201]);
    await copyLoot(page);
    expect(await attempt(page, 'bearer')).toEqual({
      state: 'let-in',
      outcome: 'Let in, 400 no check in the way The balance is too small for this transfer.',
    });
  });
});
