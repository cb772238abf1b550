import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readTickets } from './presented-ticket.js';

const get = (target: string, rawHeaders: readonly string[] = []) =>
  readTickets({ method: 'GET', target, rawHeaders });
const PROTOCOL = 'Sec-WebSocket-Protocol';

describe('the tickets of a request (J2)', () => {
  test.each<[string, readonly string[]]>([
    ['/feed', []],
    ['/feed?', []],
    ['/feed?a=ticket', []],
    ['/feed?tickets=a&aticket=b&ticket[]=c&Ticket=d&ticket;e', []],
    ['/ticket=a', []],
    ['/feed&ticket=a', []],
    ['/feed?ticket=a', ['a']],
    ['/feed?ticket', ['']],
    ['/feed?ticket=', ['']],
    ['/feed?ticket=a=b==', ['a=b==']],
    ['/feed?ticket=%61', ['%61']],
    ['/feed?a&ticket=a&b=c?ticket=d', ['a']],
    ['/feed?ticket=a?ticket=b', ['a?ticket=b']],
    ['/feed?ticket=a&ticket=b', ['a', 'b']],
    ['/feed?%74icke%54=a&%74icke%74=b', ['b']],
    ['/feed?%74icket%=a', []],
    ['http://a.test/feed?ticket=a', ['a']],
  ])('in the query of %j: %j', (target, expected) => {
    expect(get(target)).toEqual(expected);
  });

  test.each<[readonly string[], readonly string[]]>([
    [[PROTOCOL, 'feed'], []],
    [[PROTOCOL, 'ticket'], []],
    [[PROTOCOL, 'Ticket.a'], []],
    [[PROTOCOL, 'ticket.'], ['']],
    [[PROTOCOL, 'ticket.a'], ['a']],
    [[PROTOCOL, ' feed ,\tticket.a.b '], ['a.b']],
    [
      [PROTOCOL, 'ticket.a', PROTOCOL.toUpperCase(), 'ticket.b,ticket.c'],
      ['a', 'b', 'c'],
    ],
    [['X', PROTOCOL, 'Y', 'ticket.a'], []],
    [['X', PROTOCOL, 'ticket.a', 'Y'], []],
    [[PROTOCOL], []],
  ])('in the fields %j: %j', (rawHeaders, expected) => {
    expect(get('/', rawHeaders)).toEqual(expected);
  });

  test('are those of the query first, and only of a GET that is routed as one', () => {
    const request = { target: '/?ticket=a', rawHeaders: [PROTOCOL, 'ticket.b'] };
    expect(readTickets({ ...request, method: 'GET' })).toEqual(['a', 'b']);
    expect(readTickets({ ...request, method: 'GET', routedMethod: 'GET' })).toEqual(['a', 'b']);
    for (const [method, routedMethod] of [
      ['POST', 'GET'],
      ['GET', 'POST'],
      ['get', undefined],
      ['HEAD', undefined],
    ] as const)
      expect(readTickets({ ...request, method, routedMethod })).toStrictEqual([]);
  });

  test('never throws, and finds each that a framework would find', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(fc.string()), (target, rawHeaders) => {
        get(target, rawHeaders);
      }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('ticket', 'a', '%74icket', 'Ticket'), fc.base64String())),
        (pairs) => {
          const query = pairs.map(([name, value]) => `${name}=${value}`).join('&');
          expect(get(`/?${query}`)).toHaveLength(new URLSearchParams(query).getAll('ticket').length);
        },
      ),
    );
  });
});
