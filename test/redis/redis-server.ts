import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Certificate } from './certificate.js';
import { keep } from './keeper.js';
import { until } from './until.js';

export interface RedisServerOptions {
  /** Of the configuration file, in order: `['appendonly', 'yes']`. */
  readonly settings?: readonly (readonly string[])[];
  readonly isSentinel?: boolean;
  /** Beside that of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Takes TLS connections, and no others, with a certificate of its own. */
  readonly tls?: Certificate;
}

/** Below the ports that systems hand out, and so that a cluster's second port, 10,000 above, is too. */
const FIRST_PORT = 15_000;
const PORTS_PER_WORKER = 1750;
/** Each worker of jest has ports of its own: two of them must not choose the same one at the same moment. */
const WORKER = Number(process.env['JEST_WORKER_ID'] ?? 1) % 4;
const CONFIG_FILE = 'redis.conf';

if (spawnSync('redis-server', ['--version']).error !== undefined) {
  throw new Error('These tests need a redis-server that they may kill: apt-get install redis-server');
}

/** A Redis of the test's own on loopback, which may be killed, frozen and brought back. */
export class RedisServer {
  #process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    readonly directory: string,
    private readonly isSentinel: boolean,
    private readonly environment: Readonly<Record<string, string>>,
    private readonly tls: Certificate | undefined,
  ) {}

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const { settings = [], isSentinel = false, environment = {}, tls } = options;
    const directory = await mkdtemp(join(tmpdir(), 'dpop-redis-'));
    const server = new RedisServer(await freePort(), directory, isSentinel, environment, tls);
    const all = [
      ['bind', '127.0.0.1'],
      ...(tls === undefined ? [['port', String(server.port)]] : tlsSettings(server.port, tls)),
      ['dir', directory],
      ...(isSentinel ? [] : [['save', '""']]),
      ...settings,
    ];
    await writeFile(server.#configFile, all.map((words) => `${words.join(' ')}\n`).join(''));
    await server.up();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts the process, with whatever data it left on disk. */
  async up(): Promise<void> {
    const mode = this.isSentinel ? ['--sentinel'] : [];
    const env = { ...process.env, ...this.environment };
    const child = spawn('redis-server', [this.#configFile, ...mode], { stdio: 'ignore', env });
    this.#process = child;
    keep(child);
    await until(`a Redis answers on port ${this.port}`, async () => {
      if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
      if ((await this.command('PING')) !== 'PONG') return false;
      const answering = /process_id:(\d+)/.exec(String(await this.command('INFO', 'server')))?.[1];
      // A server of another test process, which took the port at the same moment.
      if (answering !== String(child.pid)) throw new Error(`another Redis answers on port ${this.port}`);
      return true;
    });
  }

  /** As a crash or the power would. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    this.#process = undefined;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  /** Removes what it left on disk. */
  async forget(): Promise<void> {
    for (const entry of await readdir(this.directory)) {
      if (entry !== CONFIG_FILE) await rm(join(this.directory, entry), { recursive: true });
    }
  }

  /** It keeps its connections, and takes new ones, but answers nobody. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  /** A command of the operator's, over a connection of its own. */
  async command(name: string, ...args: string[]): Promise<unknown> {
    const client = new Redis({
      port: this.port,
      host: '127.0.0.1',
      retryStrategy: null,
      lazyConnect: true,
      ...(this.tls !== undefined && { tls: { ca: this.tls.certificate } }),
    });
    client.on('error', () => {});
    try {
      await client.connect();
      return await client.call(name, ...args);
    } finally {
      if (client.status !== 'end') client.disconnect();
    }
  }

  /** Its replicas stay as they are from now on: whoever takes its place will lack what it is yet to learn. */
  async cutOffReplicas(): Promise<void> {
    await this.command('ACL', 'SETUSER', 'default', '-psync', '-sync');
    await this.command('CLIENT', 'KILL', 'TYPE', 'replica');
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }

  get #configFile(): string {
    return join(this.directory, CONFIG_FILE);
  }
}

function tlsSettings(port: number, { certificateFile, keyFile }: Certificate): readonly string[][] {
  return [
    ['port', '0'],
    ['tls-port', String(port)],
    ['tls-cert-file', certificateFile],
    ['tls-key-file', keyFile],
    ['tls-ca-cert-file', certificateFile],
    ['tls-auth-clients', 'no'],
  ];
}

/** A port that is free now, and 10,000 above it too. */
/** Ports that this process has given away: two servers that start at once must not be given the same one. */
const taken = new Set<number>();

async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + PORTS_PER_WORKER * WORKER + Math.floor(Math.random() * PORTS_PER_WORKER);
    if (taken.has(port)) continue;
    taken.add(port);
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
