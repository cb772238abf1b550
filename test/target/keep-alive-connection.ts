import { connect, type Socket } from 'node:net';

/** A status and a body; `status` is 0 for a connection that was closed without an answer. */
export interface WireAnswer {
  readonly status: number;
  readonly body: string;
}

/** Sends requests octet for octet, one after the other over one socket, and opens another where the server closes it. */
export class KeepAliveConnection {
  #socket: Socket | undefined;
  #received = '';
  #finish: ((answer: WireAnswer) => void) | undefined;

  constructor(private readonly port: number) {}

  /** The head ends with an empty line; each character is one octet. */
  send(head: string): Promise<WireAnswer> {
    return new Promise((resolve) => {
      this.#received = '';
      this.#finish = resolve;
      this.#socket ??= this.#open();
      this.#socket.write(head, 'latin1');
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  #open(): Socket {
    const socket = connect(this.port, '127.0.0.1').setNoDelay().setEncoding('latin1');
    socket.on('data', (text) => {
      this.#received += String(text);
      const end = this.#received.indexOf('\r\n\r\n');
      const length = /\r\ncontent-length: (\d+)/i.exec(this.#received)?.[1];
      if (end !== -1 && length !== undefined && this.#received.length >= end + 4 + Number(length)) {
        // What is closed by the server cannot carry the next request.
        if (/\r\nconnection: close/i.test(this.#received.slice(0, end))) socket.destroy();
        else this.#settle();
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
      this.#settle();
    });
    return socket;
  }

  #settle(): void {
    const finish = this.#finish;
    this.#finish = undefined;
    const [head = '', body = ''] = this.#received.split('\r\n\r\n');
    finish?.({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0), body });
  }
}
