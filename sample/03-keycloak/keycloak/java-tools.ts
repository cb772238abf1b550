import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Receives a line for the person who waits. */
export type Say = (line: string) => void;

/** What a demo says that cannot start without them. */
export const INSTALL_JAVA_TOOLS = `Keycloak needs Java 17 or later, and Maven. Install them:
  sudo apt-get install default-jdk-headless maven   (Debian, Ubuntu)
  brew install openjdk maven                        (macOS)`;

const MIN_JAVA_VERSION = 17;
const TICK_MS = 10_000;

/** The `java` that Keycloak and Maven start, too. */
export function javaCommand(): string {
  const { JAVA_HOME: home } = process.env;
  return home ? join(home, 'bin/java') : 'java';
}

/** Whether Java and Maven can be started. */
export function areJavaToolsInstalled(): boolean {
  const { stderr, status } = spawnSync(javaCommand(), ['-version'], { encoding: 'utf8' });
  const version = /version "(\d+)/.exec(stderr)?.[1];
  return status === 0 && Number(version) >= MIN_JAVA_VERSION && spawnSync('mvn', ['-version']).status === 0;
}

/** Says now and then that something still goes on. */
export async function sayMeanwhile<Result>(
  say: Say,
  line: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const started = Date.now();
  const ticks = setInterval(() => say(`  ${line} (${secondsSince(started)} s)`), TICK_MS);
  try {
    return await work();
  } finally {
    clearInterval(ticks);
  }
}

/**
 * Runs Maven.
 *
 * @throws Error with the output of Maven
 */
export async function runMaven(args: readonly string[], say: Say): Promise<void> {
  await sayMeanwhile(say, 'Maven is still at work', async () => {
    const child = spawn('mvn', ['--batch-mode', '--quiet', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    const code = await new Promise((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    if (code !== 0) throw new Error(`Maven ended with ${String(code)}\n${output}`);
  });
}

export function secondsSince(startedMs: number): number {
  return Math.round((Date.now() - startedMs) / 1000);
}
