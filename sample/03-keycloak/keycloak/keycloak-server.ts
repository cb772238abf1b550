import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePorts } from '../../01-quickstart/free-ports.js';
import { type Say, sayMeanwhile, secondsSince } from './java-tools.js';
import { KeptProcess } from './kept-process.js';
import { KeycloakDistribution } from './keycloak-distribution.js';

const START_LIMIT_MS = 600_000;

/** A realm as Keycloak imports it. */
export interface RealmRepresentation {
  /** Its name. */
  readonly realm: string;
  readonly [member: string]: unknown;
}

export interface KeycloakServerOptions {
  readonly realm: RealmRepresentation;
  readonly say: Say;
  /** Default: a free one. */
  readonly port?: number;
  /** The name of loopback in its URL, and so in `iss`. Default `127.0.0.1`. */
  readonly hostname?: '127.0.0.1' | 'localhost';
}

/** A private Keycloak in development mode, on loopback, with its own data. It can be restarted. */
export class KeycloakServer {
  #process: KeptProcess | undefined;
  readonly url: string;
  /** A client of the realm `master` that may do everything. */
  readonly admin = { id: 'admin', secret: randomUUID() } as const;

  private constructor(
    private readonly distribution: KeycloakDistribution,
    private readonly home: string,
    /** The name of the realm. */
    readonly realm: string,
    private readonly port: number,
    hostname: string,
    private readonly say: Say,
  ) {
    this.url = `http://${hostname}:${port}`;
    process.on('exit', this.#endAtOnce);
  }

  /** Fetches Keycloak if needed, imports the realm, and resolves when it answers. */
  static async start(options: KeycloakServerOptions): Promise<KeycloakServer> {
    const { realm, say, port: preferred = 0, hostname = '127.0.0.1' } = options;
    const distribution = await KeycloakDistribution.fetch(say);
    const [port = 0] = await findFreePorts([preferred]);
    const home = mkdtempSync(join(tmpdir(), 'dpop-keycloak-'));
    const server = new KeycloakServer(distribution, home, realm.realm, port, hostname, say);
    try {
      await mkdir(join(home, 'data/import'), { recursive: true });
      await writeFile(join(home, 'data/import/realm.json'), JSON.stringify(realm));
      await server.start();
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /** `iss` of the tokens. */
  get issuer(): string {
    return `${this.url}/realms/${this.realm}`;
  }

  /** The admin REST API of the realm. */
  get adminApi(): string {
    return `${this.url}/admin/realms/${this.realm}`;
  }

  /** Starts Keycloak, after a stop on the same port and with the same data, and resolves when it answers. */
  async start(): Promise<void> {
    const started = Date.now();
    this.say(
      this.distribution.isPrepared
        ? 'Keycloak starts: about 20 s, or longer if the machine is busy.'
        : 'Keycloak starts for the first time and prepares itself: about a minute.',
    );
    const address = ['--http-host=127.0.0.1', `--http-port=${this.port}`];
    const server = KeptProcess.start({
      command: [
        'sh',
        this.distribution.command,
        'start-dev',
        ...address,
        '--import-realm',
        `-Dkc.home.dir=${this.home}`,
      ],
      logFile: join(this.home, 'keycloak.log'),
      environment: {
        KC_BOOTSTRAP_ADMIN_CLIENT_ID: this.admin.id,
        KC_BOOTSTRAP_ADMIN_CLIENT_SECRET: this.admin.secret,
        // The server lives for a minute: starting fast matters more than running fast.
        JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1',
      },
    });
    this.#process = server;
    await sayMeanwhile(this.say, 'Keycloak still starts', () =>
      server.untilReady(this.issuer, START_LIMIT_MS),
    );
    this.distribution.markPrepared();
    this.say(`Keycloak answers at ${this.url} after ${secondsSince(started)} s.`);
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
    this.#process = undefined;
  }

  async close(): Promise<void> {
    await this.stop();
    await rm(this.home, { recursive: true, force: true });
    process.off('exit', this.#endAtOnce);
  }

  /** A process that ends while Keycloak starts leaves no folder with the realm behind. */
  readonly #endAtOnce = (): void => {
    this.#process?.kill();
    // What was killed may still write for a moment.
    rmSync(this.home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  };
}
