import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** What axe finds, as `rule: element`. It is injected from outside, since the policy of the page allows no other script. */
export async function findFaults(page: Page): Promise<unknown> {
  await page.evaluate(await readFile(AXE, 'utf8'));
  return await page.evaluate(
    'axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ": " + target)))',
  );
}
