import { existsSync, writeFileSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { runMaven, type Say, secondsSince } from './java-tools.js';

const VERSION = '26.7.3';
const ARTIFACT = `org.keycloak:keycloak-quarkus-dist:${VERSION}:zip`;
const PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.10.0';
const BYTES_PER_MEGABYTE = 1_000_000;

/** Keycloak as it comes from Maven Central, unpacked once in `.cache/` of the project, where npm scripts run. */
export class KeycloakDistribution {
  readonly #preparedFile: string;

  private constructor(private readonly folder: string) {
    this.#preparedFile = join(folder, 'prepared');
  }

  /** Fetches and unpacks Keycloak, unless a start of it has succeeded here before. */
  static async fetch(say: Say): Promise<KeycloakDistribution> {
    const cache = resolve('.cache');
    const folder = join(cache, `keycloak-${VERSION}`);
    const distribution = new KeycloakDistribution(folder);
    if (distribution.isPrepared) return distribution;
    // A start that was interrupted can leave half of Keycloak's own preparation behind.
    await rm(folder, { recursive: true, force: true });
    say(`Maven fetches and unpacks Keycloak ${VERSION}: 180 MB, unless an earlier run fetched it.`);
    const started = Date.now();
    const folders = [`-DoutputDirectory=${cache}`, `-DmarkersDirectory=${join(folder, 'markers')}`];
    await runMaven([`${PLUGIN}:unpack`, `-Dartifact=${ARTIFACT}`, ...folders], say);
    const megabytes = Math.round((await sizeOf(folder)) / BYTES_PER_MEGABYTE);
    say(`Keycloak is unpacked: ${megabytes} MB in ${secondsSince(started)} s.`);
    return distribution;
  }

  get command(): string {
    return join(this.folder, 'bin/kc.sh');
  }

  /** Whether Keycloak has started once, and so prepared itself for faster starts. */
  get isPrepared(): boolean {
    return existsSync(this.#preparedFile);
  }

  markPrepared(): void {
    writeFileSync(this.#preparedFile, '');
  }
}

async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async (file) => (await stat(join(file.parentPath, file.name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
