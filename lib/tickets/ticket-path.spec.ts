import { describe, expect, test } from '@jest/globals';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { parseTicketPath } from './ticket-path.js';

describe('the path of a ticket (J2)', () => {
  test.each(['/', '/feed', '/v1/rooms/a%20b', '/feed/', '/a;b', `/${'a'.repeat(2047)}`])('%j', (path) => {
    expect(parseTicketPath(path)).toBe(path);
  });

  test.each([
    undefined,
    null,
    1,
    {},
    ['/rooms'],
    '',
    'rooms',
    'https://api.example.com/rooms',
    '/rooms?a',
    '/rooms?',
    '/rooms#a',
    '/a/../rooms',
    '/a/%2e%2E/rooms',
    '/a/.',
    '/a/..;/b',
    '/a b',
    '/a\nb',
    '/é',
    `/${'a'.repeat(2048)}`,
  ])('and not %j, which the error does not repeat', (path) => {
    let thrown: unknown;
    try {
      parseTicketPath(path);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(DpopUnavailableError);
    expect(thrown).toMatchObject({ reason: 'internal_failure' });
    const { advice = '' } = thrown as DpopUnavailableError;
    expect(advice).toMatch(/^the path of a ticket must be .*encodeURIComponent/);
    if (typeof path === 'string' && path.length > 3) expect(advice).not.toContain(path.slice(-4));
  });
});
