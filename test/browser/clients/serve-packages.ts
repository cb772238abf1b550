import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import type { BrowserContext } from 'playwright-core';

const require = createRequire(import.meta.url);
const PACKAGES = join(process.cwd(), 'node_modules');

/** Packages whose main file is CommonJS. */
const MODULES: Readonly<Record<string, string>> = { 'jwt-decode': 'jwt-decode/build/esm/index.js' };

/** Serves installed packages as modules under `/packages/`, with imports of other packages led there, too. */
export async function servePackages(context: BrowserContext, origin: string): Promise<void> {
  await context.route(`${origin}/packages/**`, async (route) => {
    const file = join(PACKAGES, new URL(route.request().url()).pathname.slice('/packages/'.length));
    const source = await readFile(file, 'utf8');
    const body = source.replaceAll(
      /^((?:import|export) .*from )["']([a-z@][^"']*)["']/gm,
      (_all, start: string, name: string) =>
        `${start}'/packages/${MODULES[name] ?? relative(PACKAGES, require.resolve(name))}'`,
    );
    await route.fulfill({ contentType: 'text/javascript', body });
  });
}
