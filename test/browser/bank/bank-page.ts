import type { BrowserContext, Page } from 'playwright-core';

export const DESKTOP = { width: 1120, height: 960 } as const;

/** Opens the page of the bank. What goes wrong in it, then or later, is added to the faults. */
export async function openBankPage(context: BrowserContext, url: string, faults: string[]): Promise<Page> {
  const page = await context.newPage();
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    // Chromium writes a line for each 401.
    if (message.type() === 'error' && !message.text().includes('401')) faults.push(message.text());
  });
  await page.setViewportSize(DESKTOP);
  await page.goto(url);
  await isReady(page);
  return page;
}

export async function isReady(page: Page): Promise<void> {
  await page.waitForSelector('body[data-ready]', { state: 'attached' });
}

/** Back from the login page of the authorization server, with a token. */
export async function isLoggedIn(page: Page): Promise<void> {
  await isReady(page);
  await page.waitForSelector('body[data-login=in]', { state: 'attached' });
}

/** From the button of the page over the login page of oidc-provider and back. */
export async function logIn(page: Page): Promise<void> {
  await page.click('.log-in:visible');
  await page.click('button[type=submit] >> text=Log in');
  await isLoggedIn(page);
}

/** The authorization server knows the user, and shows no login page. */
export async function logInAgain(page: Page): Promise<void> {
  await page.click('.log-in:visible');
  await isLoggedIn(page);
}

export async function textOf(page: Page, selector: string): Promise<string> {
  return (await page.textContent(selector))?.trim() ?? '';
}

export async function chooseBank(page: Page, bank: 'dpop' | 'bearer'): Promise<void> {
  await page.check(`#bank-${bank}`);
  await page.waitForSelector(`body[data-bank=${bank}]`, { state: 'attached' });
}

/** The statuses that the timeline shows for such requests. */
export async function statusesOf(page: Page, selector: string, request: string): Promise<unknown> {
  return await page.evaluate(`[...document.querySelectorAll('${selector}')]
    .filter(({ textContent }) => textContent.includes('${request}'))
    .map(({ dataset }) => dataset.status)`);
}
