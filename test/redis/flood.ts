import { once } from 'node:events';
import { connect } from 'node:net';
import type { SignedRequest } from './party.js';

const SOCKETS = 10;

/**
 * Sends copies of one request to each port at once, over several connections each, without waiting for answers.
 *
 * @returns how often each status was answered
 */
export async function flood(
  ports: readonly number[],
  request: SignedRequest,
  copies: number,
): Promise<ReadonlyMap<string, number>> {
  const share = copies / ports.length / SOCKETS;
  const message = `POST /transfers HTTP/1.1\r\nHost: api.example.com\r\n${Object.entries(request)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}Content-Length: 0\r\n\r\n`;
  const sockets = ports.flatMap((port) => Array.from({ length: SOCKETS }, () => connect(port, '127.0.0.1')));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  const answers = sockets.map(async (socket) => {
    let text = '';
    socket.setEncoding('latin1').write(message.repeat(share));
    for await (const chunk of socket) {
      text += String(chunk);
      if (text.split(STATUS_LINE).length > share) break;
    }
    return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status = '']) => status);
  });
  const statuses = (await Promise.all(answers)).flat();
  const counts = new Map<string, number>();
  for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts;
}

const STATUS_LINE = 'HTTP/1.1 ';
