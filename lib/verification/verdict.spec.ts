import { format, inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { createTicketVerdict, createUnenforcedVerdict, createVerdict } from './verdict.js';

const TOKEN = 'header.payload.signature-of-the-token';
const NONCE = 'the-next-nonce';
const verdict = createVerdict(
  'DPoP',
  TOKEN,
  { iss: 'https://auth.example.com', sub: 'user', client_id: 'client', scope: 'a b' },
  'thumbprint',
  { expiresAtSeconds: 0, renewalDue: true, epoch: 'm' },
  NONCE,
);

describe('a verdict (D6)', () => {
  test('has all its parts, and is frozen', () => {
    expect(verdict).toMatchObject({
      scheme: 'DPoP',
      jkt: 'thumbprint',
      claims: { sub: 'user' },
      issuer: 'https://auth.example.com',
      subject: 'user',
      clientId: 'client',
      scopes: ['a', 'b'],
      hasNonce: true,
    });
    expect([verdict.token, verdict.nextNonce]).toEqual([TOKEN, NONCE]);
    expect(Object.isFrozen(verdict)).toBe(true);
    expect(() => Object.assign(verdict, { token: 'another' })).toThrow(TypeError);
    expect(verdict.token).toBe(TOKEN);
  });

  const printers: Readonly<Record<string, (value: object) => unknown>> = {
    'JSON.stringify': (value) => JSON.stringify({ user: value }),
    'util.inspect': (value) => inspect({ user: value }, { depth: Infinity }),
    'util.inspect of what is hidden': (value) => inspect(value, { showHidden: true, getters: false }),
    'util.format': (value) => format('%o %O %j %s', value, value, value, value),
    'a copy': (value) => JSON.stringify({ ...value }),
    'its values': (value) => JSON.stringify([Object.values(value), Object.entries(value)]),
    'its own names': (value) =>
      JSON.stringify(Object.getOwnPropertyNames(value).map((name) => Reflect.get(value, name))),
    'for in': (value) => {
      const found: unknown[] = [];
      for (const name in value) found.push(Reflect.get(value, name));
      return JSON.stringify(found);
    },
    structuredClone: (value) => JSON.stringify(structuredClone(value)),
  };

  test.each(Object.entries(printers))('does not show its token and nonce to a logger: %s', (_name, print) => {
    const text = String(print(verdict));
    expect(text).not.toContain(TOKEN);
    expect(text).not.toContain('signature-of-the-token');
    expect(text).not.toContain(NONCE);
    expect(text).toContain('thumbprint');
  });
});

describe('other verdicts', () => {
  test('of a ticket has the rights of its claims, and says that it is one (J2)', () => {
    const ofTicket = createTicketVerdict(verdict, { sub: 'other', scope: 'c' }, 'jkt');
    expect(ofTicket).toMatchObject({
      scheme: 'DPoP',
      jkt: 'jkt',
      subject: 'other',
      scopes: ['c'],
      hasNonce: true,
      hasTicket: true,
      enforced: true,
      unmet: undefined,
    });
    expect([ofTicket.token, ofTicket.nextNonce]).toEqual([TOKEN, undefined]);
    expect(Object.isFrozen(ofTicket)).toBe(true);
    expect(verdict).toMatchObject({ hasTicket: false, enforced: true, unmet: undefined });
  });

  test('of a request that passes unverified has nothing but why (K1)', () => {
    const refused = createUnenforcedVerdict(new DpopError('token_invalid', { detail: 'exp' }));
    expect(refused).toMatchObject({
      scheme: 'Bearer',
      jkt: undefined,
      claims: {},
      scopes: [],
      hasNonce: false,
      hasTicket: false,
      enforced: false,
      unmet: { code: 'invalid_token', reason: 'token_invalid', detail: 'exp' },
    });
    expect([refused.token, refused.nextNonce]).toEqual(['', undefined]);
    expect([refused, refused.claims, refused.unmet].every(Object.isFrozen)).toBe(true);
    expect(createUnenforcedVerdict(new DpopUnavailableError('issuer_unavailable')).unmet).toEqual({
      code: 'temporarily_unavailable',
      reason: 'issuer_unavailable',
      detail: undefined,
    });
  });
});
