import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePorts } from '../../01-quickstart/free-ports.js';
import { type Say, sayMeanwhile, secondsSince } from './java-tools.js';
import { KeptProcess } from './kept-process.js';
import { KeycloakDistribution } from './keycloak-distribution.js';

/** The realm of the sample; the path is that of the project, where npm scripts run. */
const REALM_FILE = 'sample/03-keycloak/realm.json';

const START_LIMIT_MS = 600_000;

/** A private Keycloak in development mode, on loopback, with its own data. It can be restarted. */
export class KeycloakServer {
  #process: KeptProcess | undefined;
  readonly url: string;
  /** Its name, as in the file. */
  readonly realm = 'example';
  /** A client of the realm `master` that may do everything. */
  readonly admin = { id: 'admin', secret: randomUUID() } as const;

  private constructor(
    private readonly distribution: KeycloakDistribution,
    private readonly home: string,
    private readonly port: number,
    private readonly say: Say,
  ) {
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Fetches Keycloak if needed, imports the realm, and resolves when it answers. */
  static async start(say: Say): Promise<KeycloakServer> {
    const distribution = await KeycloakDistribution.fetch(say);
    const [port = 0] = await findFreePorts([0]);
    const home = await mkdtemp(join(tmpdir(), 'dpop-keycloak-'));
    const server = new KeycloakServer(distribution, home, port, say);
    try {
      await mkdir(join(home, 'data/import'), { recursive: true });
      await copyFile(REALM_FILE, join(home, 'data/import/realm.json'));
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
  }
}
