import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { TestIssuer } from 'nestjs-dpop/testing';
import type { Answers, Platform } from './messages.js';

/** The process of the server, for the parent. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<never>;
  #url = '';

  private constructor() {
    this.#child = fork(fileURLToPath(new URL('server.js', import.meta.url)));
    this.#ended = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`the server ended with ${String(code)}`);
    });
    // The next question rejects with the same error.
    this.#ended.catch(() => {});
  }

  static async start(platform: Platform, issuer: TestIssuer): Promise<ServerProcess> {
    const server = new ServerProcess();
    const { issuer: name, audience, keys, accessToken } = issuer;
    const start = { platform, accessToken, issuer: { issuer: name, audience, keys } };
    const { port } = await server.ask('start', start);
    server.#url = `http://127.0.0.1:${port}`;
    return server;
  }

  get url(): string {
    return this.#url;
  }

  /** One question at a time. */
  async ask<K extends keyof Answers>(
    kind: K,
    content: Answers[K]['question'],
  ): Promise<Answers[K]['answer']> {
    const answered = once(this.#child, 'message');
    this.#child.send({ kind, content });
    const [message] = await Promise.race([answered, this.#ended]);
    return (message as { readonly content: Answers[K]['answer'] }).content;
  }

  readonly cpuMicros = (): Promise<number> => this.ask('cpu', undefined);

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }
}
