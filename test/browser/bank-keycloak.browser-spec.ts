import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { decodeJwt, type JWTPayload } from 'jose';
import type { Page } from 'playwright-core';
import { areJavaToolsInstalled } from '../../sample/03-keycloak/keycloak/java-tools.js';
import { keycloakOfBank } from '../../sample/07-bank/keycloak/bank-keycloak.js';
import { ALICE } from '../../sample/07-bank/keycloak/realm.js';
import { openStage, type Stage } from '../../sample/07-bank/stage.js';
import { announce } from '../live/announce.js';
import { findFaults } from './bank/axe.js';
import { chooseBank, isLoggedIn, isReady, openBankPage, statusesOf, textOf } from './bank/bank-page.js';
import { expectEachLetIn, expectEachRefused } from './bank/thefts.js';
import { type Browser, startBrowser } from './browser.js';

/** The first start fetches Keycloak and prepares it, and the machine may be busy. */
const SERVER_LIMIT_MS = 1_200_000;
const LIMIT_MS = 180_000;
const CODE = '#code:text-matches("^\\\\d{3} \\\\d{3}$")';

const canRun = areJavaToolsInstalled();
if (!canRun) announce('NOT RUN: the bank with Keycloak in a browser needs Java 17 or later, and Maven');
const describeKeycloak = canRun ? describe : describe.skip;

/** Keycloak and the accounts live as long as this group: the transfer comes last. */
describeKeycloak('the bank with Keycloak in Chromium', () => {
  let stage: Stage;
  let browser: Browser;
  const faults: string[] = [];

  beforeAll(async () => {
    stage = await openStage({ startIssuer: keycloakOfBank(announce) });
  }, SERVER_LIMIT_MS);

  afterAll(() => stage?.close(), SERVER_LIMIT_MS);

  beforeEach(async () => {
    browser = await startBrowser();
    faults.length = 0;
  });

  afterEach(() => browser.close());

  const openPage = () => openBankPage(browser.context, stage.page, faults);

  /** From the button of the page over the login page of Keycloak and back. */
  async function logIn(page: Page): Promise<void> {
    await page.click('.log-in:visible');
    await page.fill('#username', ALICE.name);
    await page.fill('#password', ALICE.password);
    await page.click('#kc-login');
    await isLoggedIn(page);
  }

  /** The page of the phone, in another tab. */
  async function openPhone(): Promise<Page> {
    const phone = await browser.context.newPage();
    await phone.clock.install();
    await phone.goto(stage.phone ?? '');
    await phone.waitForSelector(CODE);
    return phone;
  }

  async function readClaims(page: Page): Promise<JWTPayload> {
    return decodeJwt(await page.evaluate("JSON.parse(sessionStorage.getItem('token.dpop')).value"));
  }

  test(
    'a reload keeps the key and the login',
    async () => {
      const page = await openPage();
      const key = await textOf(page, '#thumbprint');
      await logIn(page);
      expect(await textOf(page, '#balance')).toBe('€2,075.80');
      await page.reload();
      await isReady(page);
      expect(await textOf(page, '#thumbprint')).toBe(key);
      expect(await textOf(page, '#balance')).toBe('€2,075.80');
      expect(faults).toStrictEqual([]);
    },
    LIMIT_MS,
  );

  test(
    'each theft is refused by the bank with DPoP (B5, C9, C11, F1)',
    async () => {
      const page = await openPage();
      await logIn(page);
      await expectEachRefused(page);
      expect(await textOf(page, '#balance')).toBe('€2,075.80');
      expect(faults).toStrictEqual([]);
    },
    LIMIT_MS,
  );

  test(
    'each theft succeeds at the bank with Bearer tokens',
    async () => {
      const page = await openPage();
      await chooseBank(page, 'bearer');
      await logIn(page);
      await expectEachLetIn(page);
      expect(await textOf(page, '#balance')).toBe('€1,975.80');
      expect(faults).toStrictEqual([]);
    },
    LIMIT_MS,
  );

  test(
    'the phone fetches a code when the last one ends, writes only changes, and axe finds nothing',
    async () => {
      const phone = await openPhone();
      for (const colorScheme of ['light', 'dark'] as const) {
        await phone.emulateMedia({ colorScheme });
        expect([colorScheme, await findFaults(phone)]).toEqual([colorScheme, []]);
      }
      await phone.evaluate(`window.rewritten = 0; new MutationObserver((records) => {
        for (const { removedNodes, addedNodes } of records)
          if (removedNodes[0].data === addedNodes[0].data) rewritten += 1;
      }).observe(document.getElementById('code'), { childList: true })`);
      const fetched = phone.waitForResponse('**/phone/code');
      await phone.clock.fastForward(30_000);
      expect((await fetched).headers()['cache-control']).toBe('no-store');
      await phone.waitForSelector('#remaining:has-text("A new code in")');
      expect(await phone.evaluate('rewritten')).toBe(0);
      const page = await fetch(stage.phone ?? '');
      expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    },
    LIMIT_MS,
  );

  test(
    'balance and feed, then a transfer with nonce, password and one-time code (E2, J2)',
    async () => {
      const page = await openPage();
      await logIn(page);
      expect(await textOf(page, '#balance')).toBe('€2,075.80');
      await page.waitForSelector('#feed[data-state=on]');
      expect(await statusesOf(page, '[data-lane=issuer]', 'POST')).toEqual(['200']);
      expect(await readClaims(page)).toMatchObject({ acr: 'pwd', iss: stage.issuer, aud: stage.api });
      await page.click('#transfer button');
      // `prompt=login` of the page: Keycloak asks for the password again.
      await page.fill('#password', ALICE.password);
      await page.click('#kc-login');
      const phone = await openPhone();
      await page.fill('#otp', (await textOf(phone, '#code')).replace(' ', ''));
      await page.click('#kc-login');
      await isReady(page);
      await page.waitForSelector('#message:has-text("sent to Bob")', { state: 'attached' });
      expect(await textOf(page, '#balance')).toBe('€2,050.80');
      expect(await statusesOf(page, '[data-lane=api]', 'POST /transfers')).toEqual(['401', '201']);
      expect(await readClaims(page)).toMatchObject({ acr: 'phr', auth_time: expect.any(Number) });
      expect(faults).toStrictEqual([]);
    },
    LIMIT_MS,
  );
});
