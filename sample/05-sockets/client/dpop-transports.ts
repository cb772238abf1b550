import { Fetch, NodeWebSocket } from 'socket.io-client';

/** Makes the headers of one request. */
export interface Credentials {
  /** `Authorization`, and a new proof in `DPoP`. */
  createHeaders(method: 'GET' | 'POST', url: string): Promise<Record<string, string>>;
  /** A nonce of the service, for the next proof. */
  keepNonce(nonce: string): void;
}

/**
 * The transports of socket.io-client in Node, with a proof for each request: for each connection and reconnection by
 * WebSocket, and for each poll and POST. If the service demands a nonce, the next attempt to connect has it.
 */
export function createDpopTransports(credentials: Credentials) {
  class DpopWebSocket extends NodeWebSocket {
    override doOpen(): this {
      void this.#open();
      return this;
    }

    async #open(): Promise<void> {
      try {
        const headers = await credentials.createHeaders('GET', this.createUri('https', this.query));
        // The client may have given up meanwhile.
        if (this.readyState !== 'opening') return;
        this.opts.extraHeaders = { ...this.opts.extraHeaders, ...headers };
        super.doOpen();
      } catch (error) {
        this.onError('no proof', error);
      }
    }

    override createSocket(...args: Parameters<NodeWebSocket['createSocket']>): NodeSocket {
      const socket = super.createSocket(...args) as NodeSocket;
      const keepNonce = ({ headers }: Answer) => {
        if (headers['dpop-nonce'] !== undefined) credentials.keepNonce(headers['dpop-nonce']);
      };
      socket.once('upgrade', keepNonce);
      socket.once('unexpected-response', (request, response) => {
        keepNonce(response);
        request.destroy();
        this.onError('refused', response.statusCode);
      });
      return socket;
    }
  }

  class DpopPolling extends Fetch {
    override doPoll(): void {
      void this.#send('GET', {}, (data) => this.onData(data));
    }

    override doWrite(data: string, done: () => void): void {
      void this.#send('POST', { body: data }, done);
    }

    async #send(method: 'GET' | 'POST', init: RequestInit, done: (data: string) => void): Promise<void> {
      try {
        const url = this.uri();
        const headers = new Headers({
          ...this.opts.extraHeaders,
          ...(await credentials.createHeaders(method, url)),
        });
        if (method === 'POST') headers.set('content-type', 'text/plain;charset=UTF-8');
        const response = await fetch(url, { ...init, method, headers });
        const nonce = response.headers.get('dpop-nonce');
        if (nonce !== null) credentials.keepNonce(nonce);
        const data = await response.text();
        if (response.ok) done(data);
        else this.onError('refused', response.status);
      } catch (error) {
        this.onError('not sent', error);
      }
    }
  }

  return { DpopWebSocket, DpopPolling };
}

interface Answer {
  readonly statusCode?: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** As much of a socket of the package ws as is used here. */
interface NodeSocket {
  once(event: 'upgrade', listener: (response: Answer) => void): unknown;
  once(
    event: 'unexpected-response',
    listener: (request: { destroy(): void }, response: Answer) => void,
  ): unknown;
}
