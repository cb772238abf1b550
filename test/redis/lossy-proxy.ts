import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a Redis on loopback on which replies get lost. */
export class LossyProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #toLose = 0;
  #lost = 0;

  private constructor(redisPort: number) {
    this.#server = createServer((client) => this.#join(client, connect(redisPort, '127.0.0.1')));
  }

  static async start(redisPort: number): Promise<LossyProxy> {
    const proxy = new LossyProxy(redisPort);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The next script is executed, and the connection breaks before its reply is through. */
  loseNextReply(): void {
    this.#toLose += 1;
  }

  /** How many replies were lost so far. */
  get lost(): number {
    return this.#lost;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, redis: Socket): void {
    let isScript = false;
    const end = () => {
      client.destroy();
      redis.destroy();
    };
    for (const socket of [client, redis]) {
      this.#sockets.add(socket);
      socket.on('error', end).on('close', end);
      socket.on('close', () => this.#sockets.delete(socket));
    }
    client.on('data', (chunk) => {
      isScript = /eval/i.test(chunk.toString('latin1'));
      redis.write(chunk);
    });
    redis.on('data', (chunk) => {
      if (!isScript || this.#toLose === 0) client.write(chunk);
      else {
        this.#toLose -= 1;
        this.#lost += 1;
        end();
      }
    });
  }
}
