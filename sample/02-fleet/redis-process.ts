import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';

const START_LIMIT_MS = 10_000;

/**
 * Redis under a shell that kills it as soon as nobody holds the other end of its input: however this process ends,
 * Redis does not outlive it. Ctrl-C reaches the shell too, and must not end it before that.
 */
const KEEPER = `
trap '' INT
"$@" </dev/null &
echo $!
cat >/dev/null
kill -9 $!
wait $!
`;

/** Whether `redis-server` is there to be started. */
export function isRedisInstalled(): boolean {
  return spawnSync('redis-server', ['--version']).status === 0;
}

/** A private Redis on loopback with a directory of its own, which may be killed, hung and started again. */
export class RedisProcess {
  readonly #directory = mkdtempSync(join(tmpdir(), 'dpop-fleet-'));
  #keeper: ChildProcess | undefined;
  #pid: number | undefined;

  private constructor(private readonly port: number) {
    process.on('exit', this.#endAtOnce);
  }

  /** Makes room for a Redis, which is not started yet. */
  static async prepare(): Promise<RedisProcess> {
    return new RedisProcess(await findFreePort());
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it with the data it had, and ends when it answers. */
  async start(): Promise<void> {
    if (this.#keeper !== undefined) return;
    const directory = ['--dir', this.#directory, '--logfile', join(this.#directory, 'redis.log')];
    // Written before it is answered: a kill -9 loses nothing.
    const durability = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
    const address = ['--bind', '127.0.0.1', '--port', String(this.port)];
    this.#keeper = spawn(
      'sh',
      ['-c', KEEPER, 'keeper', 'redis-server', ...address, ...directory, ...durability],
      { stdio: ['pipe', 'pipe', 'ignore'] },
    );
    this.#pid = await firstNumberOf(this.#keeper);
    await this.#untilReady();
  }

  /** `kill -9`: no chance to say goodbye. */
  async kill(): Promise<void> {
    const keeper = this.#keeper;
    if (keeper === undefined) return;
    this.#keeper = undefined;
    const ended = once(keeper, 'exit');
    keeper.stdin?.end();
    await ended;
    this.#pid = undefined;
  }

  /** `kill -9`, and all that it knew is gone. */
  async killAndEmpty(): Promise<void> {
    await this.kill();
    await rm(join(this.#directory, 'appendonlydir'), { recursive: true, force: true });
    // Before Redis 7
    await rm(join(this.#directory, 'appendonly.aof'), { force: true });
  }

  /** Connections stay open, and nothing is answered any more. */
  hang(): void {
    if (this.#pid !== undefined) process.kill(this.#pid, 'SIGSTOP');
  }

  continue(): void {
    if (this.#pid !== undefined) process.kill(this.#pid, 'SIGCONT');
  }

  async close(): Promise<void> {
    await this.kill();
    process.off('exit', this.#endAtOnce);
    await rm(this.#directory, { recursive: true, force: true });
  }

  readonly #endAtOnce = (): void => {
    if (this.#pid !== undefined) process.kill(this.#pid, 'SIGKILL');
    rmSync(this.#directory, { recursive: true, force: true });
  };

  /** Until ours answers: whoever else may have taken the port meanwhile is not to be written to. */
  async #untilReady(): Promise<void> {
    const probe = new Redis(this.url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
    probe.on('error', () => {});
    const limit = AbortSignal.timeout(START_LIMIT_MS);
    try {
      const info = await Promise.race([probe.info('server'), once(limit, 'abort')]);
      if (typeof info === 'string' && info.includes(`process_id:${this.#pid}\r`)) return;
      throw new Error('the private Redis could not be started');
    } finally {
      probe.disconnect();
    }
  }
}

async function firstNumberOf({ stdout }: ChildProcess): Promise<number> {
  if (stdout === null) throw new Error('the output of the shell is not piped');
  for await (const line of createInterface({ input: stdout })) return Number(line);
  throw new Error('the private Redis could not be started');
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
