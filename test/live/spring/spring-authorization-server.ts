import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { findFreePorts } from '../../../sample/01-quickstart/free-ports.js';
import {
  javaCommand,
  runMaven,
  type Say,
  sayMeanwhile,
  secondsSince,
} from '../../../sample/03-keycloak/keycloak/java-tools.js';
import { KeptProcess } from '../../../sample/03-keycloak/keycloak/kept-process.js';

const PROJECT = 'test/live/spring/pom.xml';
const START_LIMIT_MS = 600_000;

/** A private Spring Authorization Server on loopback: `AuthorizationServer.java`. It can be restarted. */
export class SpringAuthorizationServer {
  #process: KeptProcess | undefined;
  /** `iss` of the tokens. */
  readonly issuer: string;

  private constructor(
    private readonly classPath: string,
    private readonly home: string,
    private readonly port: number,
    private readonly say: Say,
  ) {
    this.issuer = `http://127.0.0.1:${port}`;
  }

  /** Fetches Spring and compiles the server, and resolves when it answers. */
  static async start(say: Say): Promise<SpringAuthorizationServer> {
    const classPath = await compile(say);
    const [port = 0] = await findFreePorts([0]);
    const home = await mkdtemp(join(tmpdir(), 'dpop-spring-'));
    const server = new SpringAuthorizationServer(classPath, home, port, say);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  async start(): Promise<void> {
    const started = Date.now();
    this.say('The Spring Authorization Server starts: about 5 s.');
    const server = KeptProcess.start({
      command: [
        javaCommand(),
        '-XX:TieredStopAtLevel=1',
        '-cp',
        this.classPath,
        'AuthorizationServer',
        '--server.address=127.0.0.1',
        `--server.port=${this.port}`,
        `--issuer=${this.issuer}`,
        `--key-file=${this.#keyFile}`,
      ],
      logFile: join(this.home, 'server.log'),
    });
    this.#process = server;
    await sayMeanwhile(this.say, 'Spring still starts', () =>
      server.untilReady(`${this.issuer}/.well-known/oauth-authorization-server`, START_LIMIT_MS),
    );
    this.say(`The Spring Authorization Server answers at ${this.issuer} after ${secondsSince(started)} s.`);
  }

  /** Sessions and tokens are lost, the key is not. */
  async stop(): Promise<void> {
    await this.#process?.stop();
    this.#process = undefined;
  }

  /** The next start makes a new key. Only while the server is stopped. */
  async forgetKey(): Promise<void> {
    await rm(this.#keyFile, { force: true });
  }

  async close(): Promise<void> {
    await this.stop();
    await rm(this.home, { recursive: true, force: true });
  }

  get #keyFile(): string {
    return join(this.home, 'key.json');
  }
}

/** Fetches the libraries and compiles the class. */
async function compile(say: Say): Promise<string> {
  const folder = resolve('.cache/spring-authorization-server');
  const classPathFile = join(folder, 'class-path');
  const isFirst = !existsSync(classPathFile);
  say(
    isFirst
      ? 'Maven fetches Spring, 40 MB unless an earlier run fetched it, and compiles the server.'
      : 'Maven compiles the Spring Authorization Server.',
  );
  const started = Date.now();
  await runMaven(
    [
      ...(isFirst ? [] : ['--offline']),
      '--file',
      PROJECT,
      `-DbuildFolder=${folder}`,
      'compile',
      'dependency:build-classpath',
      `-Dmdep.outputFile=${classPathFile}`,
    ],
    say,
  );
  say(`The server is compiled, after ${secondsSince(started)} s.`);
  return `${join(folder, 'classes')}:${await readFile(classPathFile, 'utf8')}`;
}
