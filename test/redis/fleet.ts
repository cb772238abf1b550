import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { RedisOptions } from 'ioredis';
import type { JwtAccessTokenOptions } from '../../lib/index.js';
import type { RedisClusterSource, RedisDenyListOptions, RedisStorageOptions } from '../../lib/redis/index.js';
import { keep } from './keeper.js';

/** What a process of the fleet is started with: plain data. */
export interface WorkerOptions {
  readonly origin: string;
  readonly accessToken: JwtAccessTokenOptions;
  readonly source: string | RedisOptions | RedisClusterSource;
  readonly storage?: Omit<RedisStorageOptions, 'clock'>;
  /** A deny-list in the same Redis. */
  readonly denyList?: Omit<RedisDenyListOptions, 'clock'>;
}

/** `answer times`: see `AnswerTimes`. `end`: as an orchestrator would. */
export type FleetQuestion = 'answer times' | 'end';

/** Within which a process that was told to end has ended. */
const PATIENCE_MS = 20_000;

interface Instance {
  readonly process: ChildProcess;
  readonly port: number;
}

/** Processes of one API that share nothing but Redis. */
export class Fleet {
  private constructor(
    private readonly directory: string,
    private readonly options: WorkerOptions,
    private readonly instances: Instance[],
  ) {}

  /** Compiles the API and starts it `size` times. */
  static async start(size: number, options: WorkerOptions): Promise<Fleet> {
    const fleet = new Fleet(await compile(), options, []);
    const instances = await Promise.all(Array.from({ length: size }, () => fleet.#startOne()));
    fleet.instances.push(...instances);
    return fleet;
  }

  get ports(): readonly number[] {
    return this.instances.map(({ port }) => port);
  }

  get urls(): readonly string[] {
    return this.ports.map((port) => `http://127.0.0.1:${port}/transfers`);
  }

  /** How long each decision took since the last time of asking, in milliseconds. See `AnswerTimes`. */
  async takeAnswerTimes(): Promise<readonly number[]> {
    const answers = this.instances.map(({ process }) => ask(process, 'answer times'));
    return (await Promise.all(answers)).flat() as number[];
  }

  async close(): Promise<void> {
    await Promise.all(this.instances.map(({ process }) => end(process)));
    await rm(this.directory, { recursive: true, force: true });
  }

  async #startOne(): Promise<Instance> {
    // The flags of this process are for jest.
    const child = fork(join(this.directory, 'test/redis/fleet-worker.js'), { execArgv: [] });
    keep(child);
    return { process: child, port: Number(await ask(child, this.options)) };
  }
}

/** Into a directory below `node_modules`, from where the packages are found, and which nothing else looks at. */
async function compile(): Promise<string> {
  const cache = resolve('node_modules/.cache');
  await mkdir(cache, { recursive: true });
  const directory = await mkdtemp(join(cache, 'dpop-fleet-'));
  await writeFile(join(directory, 'package.json'), '{ "type": "module" }');
  const tsc = resolve('node_modules/.bin/tsc');
  await promisify(execFile)(tsc, [
    '-p',
    resolve('test/redis/tsconfig.json'),
    '--noCheck',
    '--outDir',
    directory,
  ]);
  return directory;
}

async function ask(child: ChildProcess, message: WorkerOptions | FleetQuestion): Promise<unknown> {
  const settled = new AbortController();
  const exit = once(child, 'exit', settled).then(([code]) => {
    throw new Error(`a process of the fleet ended with ${String(code)}`);
  });
  try {
    const answer = once(child, 'message', settled);
    child.send(message);
    const [value] = (await Promise.race([answer, exit])) as unknown[];
    return value;
  } finally {
    settled.abort();
  }
}

/** @throws Error when the process does not end by itself: something of ours holds it */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.send('end' satisfies FleetQuestion);
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  const [code] = (await exit) as unknown[];
  clearTimeout(timer);
  if (code !== 0) throw new Error(`a process of the fleet ended with ${String(code)}`);
}
