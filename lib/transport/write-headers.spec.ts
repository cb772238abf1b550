import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { dpopResponseHeaders } from '../http/response-headers.js';
import { writeHeaders } from './write-headers.js';

const HEADERS = dpopResponseHeaders({ challenge: 'DPoP' });

/** An adapter that keeps headers itself. */
function createAdapter(isSent = false) {
  const fields = new Map<string, string>([['WWW-Authenticate', 'Basic']]);
  const adapter = {
    isHeadersSent: () => isSent,
    getHeader: (_response: object, name: string) => fields.get(name),
    setHeader: (_response: object, name: string, value: string) => fields.set(name, value),
  } as unknown as AbstractHttpAdapter;
  return { adapter, fields };
}

describe('headers of a response (D7)', () => {
  test('of Node are written with its head, and can be withdrawn until then', () => {
    const { adapter, fields } = createAdapter();
    const create = () => new ServerResponse(new IncomingMessage(new Socket()));
    const [written, withdrawn] = [create(), create()];
    expect(writeHeaders(written, adapter, HEADERS, undefined)).toBeDefined();
    writeHeaders(withdrawn, adapter, HEADERS, undefined)?.();
    for (const response of [written, withdrawn]) response.writeHead(401);
    expect(written.getHeader('WWW-Authenticate')).toBe('DPoP');
    expect(withdrawn.hasHeader('WWW-Authenticate')).toBe(false);
    expect(fields.get('WWW-Authenticate')).toBe('Basic');
  });

  test('of another kind are written at once, through the adapter, beside those that are there', () => {
    const { adapter, fields } = createAdapter();
    expect(writeHeaders({ header: () => undefined }, adapter, HEADERS, 401)).toBeUndefined();
    expect([...fields]).toEqual([
      ['WWW-Authenticate', 'Basic, DPoP'],
      ['Cache-Control', 'no-store'],
      ['Access-Control-Expose-Headers', 'DPoP-Nonce, WWW-Authenticate'],
    ]);
  });

  test('are not written if the head is gone, or if the response carries none', () => {
    for (const [response, isSent] of [
      [{ header: () => undefined }, true],
      [{}, false],
    ] as const) {
      const { adapter, fields } = createAdapter(isSent);
      expect(writeHeaders(response, adapter, HEADERS, 401)).toBeUndefined();
      expect(fields.size).toBe(1);
    }
  });

  test('are not written by an adapter that cannot', () => {
    const adapter = { isHeadersSent: () => false } as unknown as AbstractHttpAdapter;
    expect(writeHeaders({ header: () => undefined }, adapter, HEADERS, 401)).toBeUndefined();
  });
});
