import { expect } from '@jest/globals';
import type { Page } from 'playwright-core';
import { statusesOf } from './bank-page.js';

/** The thefts of the page, the check of the bank with DPoP that refuses each, and what its challenge says. */
const CAUGHT = [
  ['bearer', 'shape', 'Bearer tokens are not accepted, use the DPoP scheme'],
  ['key', 'key binding', 'Invalid DPoP key binding'],
  ['replay', 'replay', 'The DPoP proof was used before'],
  ['url', 'proof claims', 'The htu claim does not match the request URI'],
  ['token', 'key binding', 'Invalid DPoP key binding'],
  ['later', 'proof claims', 'The DPoP proof is too old'],
] as const;

export const THEFTS = CAUGHT.map(([theft]) => theft);

export async function copyLoot(page: Page): Promise<void> {
  await page.click('#copy');
  await page.waitForSelector('#try-all:enabled');
}

/** Tries a theft, and tells what the page shows of it. */
export async function attempt(
  page: Page,
  theft: string,
): Promise<{ readonly state: string; readonly outcome: string }> {
  const item = page.locator(`[data-theft=${theft}]`);
  await item.locator('button').click();
  await page.waitForSelector(
    `[data-theft=${theft}][data-state=refused], [data-theft=${theft}][data-state=let-in]`,
    { timeout: 40_000 },
  );
  return {
    state: (await item.getAttribute('data-state')) ?? '',
    outcome: (await item.locator('.outcome').innerText()).replace(/\s+/g, ' '),
  };
}

/** The bank with DPoP refuses each, by the check that is meant for it. */
export async function expectEachRefused(page: Page): Promise<void> {
  await copyLoot(page);
  for (const [theft, check, sentence] of CAUGHT) {
    const { state, outcome } = await attempt(page, theft);
    expect([theft, state]).toEqual([theft, 'refused']);
    expect(outcome).toContain(`Refused, 401 ✗ ${check}`);
    expect(outcome).toContain(`error_description="${sentence}"`);
  }
  const statuses = await statusesOf(page, '[data-actor=thief][data-lane=api]', '');
  expect(statuses).toEqual(CAUGHT.map(() => '401'));
}

/** The bank with Bearer tokens refuses none. */
export async function expectEachLetIn(page: Page): Promise<void> {
  await copyLoot(page);
  for (const theft of THEFTS) {
    const { state, outcome } = await attempt(page, theft);
    expect([theft, state]).toEqual([theft, 'let-in']);
    expect(outcome).toMatch(/^Let in, 20[01] no check in the way/);
  }
}
