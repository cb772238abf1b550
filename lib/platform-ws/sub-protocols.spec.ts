import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { chooseProtocol } from './sub-protocols.js';

const request = new IncomingMessage(new Socket());
const choose = (offered: readonly string[], ofApp?: unknown) =>
  chooseProtocol(ofApp)(new Set(offered), request);

describe('the sub-protocol that a handshake is answered with (J2)', () => {
  test('is the first that the client offers, as ws has it', () => {
    expect(choose(['a', 'b'])).toBe('a');
    expect(choose([])).toBe(false);
  });

  test('is never a ticket', () => {
    expect(choose(['ticket.x', 'a'])).toBe('a');
    expect(choose(['ticket.x'])).toBe(false);
    expect(choose(['TICKET.x'])).toBe(false);
  });

  test('is the choice of the app, which sees no ticket', () => {
    const seen: unknown[] = [];
    const last = (offered: Set<string>, given: unknown) => {
      seen.push([...offered], given === request);
      return [...offered].at(-1);
    };
    expect(choose(['a', 'ticket.x', 'b'], last)).toBe('b');
    expect(seen).toEqual([['a', 'b'], true]);
    expect(choose(['ticket.x'], last)).toBe(false);
  });

  test.each([undefined, false, 5, 'ticket.x'])('is none if the app chooses %s', (chosen) => {
    expect(choose(['a', 'ticket.x'], () => chosen)).toBe(false);
  });
});
