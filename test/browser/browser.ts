import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';

/** Nothing but loopback, and no services of the browser in the background. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
];

export interface Browser {
  readonly context: BrowserContext;
  close(): Promise<void>;
}

export interface BrowserOptions {
  /** Accepts certificates that no authority signed. */
  readonly anyCertificate?: boolean;
}

/** Starts Chromium without a window, with an empty profile. */
export async function startBrowser({ anyCertificate = false }: BrowserOptions = {}): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'nestjs-dpop-browser-'));
  const { CHROMIUM: executablePath = '/usr/bin/chromium' } = process.env;
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: anyCertificate ? [...FLAGS, '--ignore-certificate-errors'] : FLAGS,
  });
  return {
    context,
    close: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
