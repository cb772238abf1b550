import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * A shell that runs a server. When the shell's input ends, it asks the server to end, and later kills it. The server
 * therefore ends with this process, even if this process is killed. The server may be several processes, one after the
 * other, so the whole group is asked.
 */
const KEEPER = `
trap : TERM
exec 3<&0
{ cat <&3 >/dev/null; trap '' TERM; kill -TERM 0; sleep 20; kill -KILL 0; } &
"$@" </dev/null
`;

const POLL_MS = 200;
const SHOWN_LOG_LENGTH = 3000;

export interface KeptProcessOptions {
  readonly command: readonly string[];
  /** Receives what the server prints. */
  readonly logFile: string;
  /** Variables beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A server that runs until it is stopped, and at most as long as this process. */
export class KeptProcess {
  readonly #ended: Promise<unknown>;

  private constructor(
    private readonly keeper: ChildProcess,
    private readonly logFile: string,
  ) {
    this.#ended = once(keeper, 'exit');
  }

  static start({ command, logFile, environment = {} }: KeptProcessOptions): KeptProcess {
    const log = openSync(logFile, 'a');
    try {
      const keeper = spawn('sh', ['-c', KEEPER, 'keeper', ...command], {
        detached: true,
        stdio: ['pipe', log, log],
        env: { ...process.env, ...environment },
      });
      return new KeptProcess(keeper, logFile);
    } finally {
      closeSync(log);
    }
  }

  /** Resolves when the URL answers with 200. */
  async untilReady(url: string, limitMs: number): Promise<void> {
    const limit = AbortSignal.timeout(limitMs);
    while (!(await answers(url))) {
      if (this.keeper.exitCode !== null) throw new Error(`the server ended\n${this.#endOfLog()}`);
      if (limit.aborted) {
        await this.stop();
        throw new Error(`the server does not answer at ${url}\n${this.#endOfLog()}`);
      }
      await pause(POLL_MS);
    }
  }

  /** Asks the server to end, and resolves when it has ended. */
  async stop(): Promise<void> {
    this.keeper.stdin?.end();
    await this.#ended;
  }

  /** Kills the server, for a process that is about to end and cannot wait. */
  kill(): void {
    const { pid } = this.keeper;
    if (pid === undefined) return;
    try {
      // The keeper leads the group of all that it started.
      process.kill(-pid, 'SIGKILL');
    } catch {
      // The group has ended.
    }
  }

  #endOfLog(): string {
    return readFileSync(this.logFile, 'utf8').slice(-SHOWN_LOG_LENGTH);
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(POLL_MS * 10) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
