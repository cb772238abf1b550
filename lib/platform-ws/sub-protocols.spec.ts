import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { chooseProtocol, refuseTicketAlone } from './sub-protocols.js';

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
  });

  test('is none if there is no other, and the app is not asked', () => {
    let isAsked = false;
    const any = () => {
      isAsked = true;
      return 'a';
    };
    expect(choose(['ticket.x'], any)).toBe(false);
    expect(choose([], any)).toBe(false);
    expect(isAsked).toBe(false);
  });

  test.each([undefined, false, 5, 'ticket.x'])('is none if the app chooses %s', (chosen) => {
    expect(choose(['a', 'ticket.x'], () => chosen)).toBe(false);
  });
});

describe('a ticket among the sub-protocols that a client offers (J2)', () => {
  const offer = (header: string | undefined) => {
    const offering = new IncomingMessage(new Socket());
    if (header !== undefined) offering.headers['sec-websocket-protocol'] = header;
    return refuseTicketAlone(offering);
  };

  test.each(['ticket.x', 'TICKET.x', 'ticket.x, ticket.y', 'ticket.x,\tticket.y'])(
    'is refused before it is spent if they are "%s", and the client reads why',
    (header) => {
      const refusal = offer(header);
      expect(refusal).toMatchObject({
        status: 400,
        code: 'invalid_request',
        headers: {
          'Cache-Control': 'no-store',
          'Content-Type': 'application/json; charset=utf-8',
          Connection: 'close',
        },
      });
      expect(JSON.parse(refusal?.body ?? '')).toEqual({
        statusCode: 400,
        message: 'Offer another sub-protocol beside the ticket: the server never chooses the ticket',
        error: 'Bad Request',
        code: 'invalid_request',
      });
    },
  );

  test.each([undefined, 'a', 'a, ticket.x', 'ticket.x, a', 'tickets', 'ticket', 'my-ticket.x', 'tickets.x'])(
    'is left to the handshake if they are %j',
    (header) => {
      expect(offer(header)).toBeUndefined();
    },
  );

  test('is told from a protocol with a similar name', () => {
    for (const name of ['tickets', 'ticket', 'my-ticket.x', 'ticketx']) expect(choose([name])).toBe(name);
  });
});
