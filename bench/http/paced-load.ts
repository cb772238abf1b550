import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';

const CONNECTIONS = 32;

export interface PacedLoad {
  readonly url: string;
  /** At least as many as the server can answer. */
  readonly requests: Iterable<Buffer>;
  readonly seconds: number;
  /** Requests per second, evenly spread. Default: as many as the server answers. */
  readonly rate?: number;
}

/**
 * Sends requests at an even pace, independent of the answers. Other load generators send all requests of a second at once
 * and then pause, so that the server is fully loaded for a part of the second. It needs little CPU, because it shares the
 * machine with the server.
 *
 * @returns the answers per second
 */
export async function sendPaced({ url, requests, seconds, rate = Infinity }: PacedLoad): Promise<number> {
  const { hostname, port } = new URL(url);
  const queue = requests[Symbol.iterator]();
  const sockets = Array.from({ length: CONNECTIONS }, () => connect(Number(port), hostname));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  const idle: Socket[] = [...sockets];
  let [sent, answered] = [0, 0];
  let refused: string | undefined;

  const startedMs = performance.now();
  const elapsedMs = () => performance.now() - startedMs;
  const sendDue = () => {
    const due = Math.min(elapsedMs(), seconds * 1000) * (rate / 1000);
    while (sent < due && idle.length > 0) {
      const request = queue.next();
      if (request.done === true) throw new Error('there are fewer requests than the server can answer');
      idle.pop()?.write(request.value);
      sent += 1;
    }
  };
  for (const socket of sockets) {
    socket.setNoDelay(true);
    // An answer is small and arrives in one piece.
    socket.on('data', (answer) => {
      if (!answer.toString('latin1', 0, 12).endsWith(' 200')) refused ??= answer.toString('latin1', 0, 200);
      answered += 1;
      idle.push(socket);
      if (elapsedMs() < seconds * 1000) sendDue();
    });
  }
  while (elapsedMs() < seconds * 1000) {
    sendDue();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const perSecond = (answered / elapsedMs()) * 1000;
  for (const socket of sockets) socket.destroy();
  if (refused !== undefined) throw new Error(`a request was answered with ${refused}`);
  return perSecond;
}

/** The bytes of a request. */
export function toOctets(path: string, headers: IncomingHttpHeaders): Buffer {
  const fields = Object.entries({ host: 'localhost', ...headers }).map(
    ([name, value]) => `${name}: ${String(value)}\r\n`,
  );
  return Buffer.from(`GET ${path} HTTP/1.1\r\n${fields.join('')}\r\n`);
}
