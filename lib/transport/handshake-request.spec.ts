import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { toHandshakeRequest } from './handshake-request.js';

/** A request of Node, as no server made it. */
function upgradeOn(socket: unknown): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  const rawHeaders = ['Host', 'a.test', 'X-Forwarded-Host', 'b.test', 'X-Forwarded-Proto', 'wss'];
  const headers = { host: 'a.test', 'x-forwarded-host': 'b.test', 'x-forwarded-proto': 'wss' };
  return Object.assign(request, { method: 'GET', url: '/feed?a=b', headers, rawHeaders, socket });
}

describe('the request that opens a socket, for the checks (J1)', () => {
  test('has method, target and headers as received, and the host of the connection', () => {
    const request = upgradeOn(new Socket());
    const { clientCertificate, ...members } = toHandshakeRequest(request);
    expect(members).toEqual({
      method: 'GET',
      routedMethod: 'GET',
      target: '/feed?a=b',
      rawHeaders: request.rawHeaders,
      protocol: 'http',
      host: 'a.test',
    });
    expect(clientCertificate?.()).toBeUndefined();
  });

  test.each<[unknown, string]>([
    [{ encrypted: true }, 'https'],
    [{ encrypted: false }, 'http'],
    [{ encrypted: 'true' }, 'http'],
    [{}, 'http'],
    [null, 'http'],
    [undefined, 'http'],
  ])('came on the socket %p by %s', (socket, protocol) => {
    expect(toHandshakeRequest(upgradeOn(socket)).protocol).toBe(protocol);
  });

  test('has the certificate of the client', () => {
    const raw = Uint8Array.of(1, 2, 3);
    const socket = { encrypted: true, getPeerCertificate: () => ({ raw }) };
    expect(toHandshakeRequest(upgradeOn(socket)).clientCertificate?.()).toBe(raw);
  });

  test('is a request of Node, or a failure', () => {
    const forged = { method: 'GET', url: '/feed', headers: {}, rawHeaders: [] };
    expect(() => toHandshakeRequest(forged as unknown as IncomingMessage)).toThrow(
      expect.objectContaining({
        status: 503,
        reason: 'transport_unknown',
        advice: 'a handshake is verified from the request that the HTTP server of Node received',
      }),
    );
  });
});
