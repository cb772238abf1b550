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
 * A shell that runs Redis and kills it when the shell's input ends. Redis therefore ends with this process, even if this
 * process is killed. The shell ignores Ctrl-C, so that it outlives this process.
 */
const KEEPER = `
trap '' INT
"$@" </dev/null &
echo $!
cat >/dev/null
kill -9 $!
wait $!
`;

/** Whether `redis-server` is installed. */
export function isRedisInstalled(): boolean {
  return spawnSync('redis-server', ['--version']).status === 0;
}

/** A private Redis on loopback with its own directory. It can be stopped, killed and started again. */
export class RedisProcess {
  readonly #directory = mkdtempSync(join(tmpdir(), 'dpop-fleet-'));
  #keeper: ChildProcess | undefined;
  #pid: number | undefined;

  private constructor(private readonly port: number) {
    process.on('exit', this.#endAtOnce);
  }

  /** Creates the directory and finds a port. Does not start Redis. */
  static async prepare(): Promise<RedisProcess> {
    return new RedisProcess(await findFreePort());
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts Redis with its former data, and resolves when it answers. */
  async start(): Promise<void> {
    if (this.#keeper !== undefined) return;
    const directory = ['--dir', this.#directory, '--logfile', join(this.#directory, 'redis.log')];
    // Redis writes to disk before it answers, so that `kill -9` loses nothing.
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

  /** `kill -9` */
  async kill(): Promise<void> {
    const keeper = this.#keeper;
    if (keeper === undefined) return;
    this.#keeper = undefined;
    const ended = once(keeper, 'exit');
    keeper.stdin?.end();
    await ended;
    this.#pid = undefined;
  }

  /** `kill -9`, and deletes the data. */
  async killAndEmpty(): Promise<void> {
    await this.kill();
    await rm(join(this.#directory, 'appendonlydir'), { recursive: true, force: true });
    // Of Redis before version 7.
    await rm(join(this.#directory, 'appendonly.aof'), { force: true });
  }

  /** Stops the process. Connections stay open, and Redis answers nothing. */
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

  /** Waits until this Redis answers. Checks the process id, because another program may have taken the port. */
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
