import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { describeFailure } from '../telemetry/explanations.js';
import { DpopUnavailableError } from './dpop.error.js';
import { describeThrown } from './foreign-error.js';

const TOKEN = 'eyJhbGciOiJF.zq7kmarker.c2lnbmF0dXJl';
const PIECE = TOKEN.slice(0, 12);

class LedgerError extends Error {}

/** Of ioredis, which has no code. */
class ReplyError extends Error {}

const describeFirst = (thrown: unknown): string => describeThrown(thrown)[0] ?? '';
const withoutPlace = (thrown: unknown): string => describeFirst(thrown).replace(/ at .*$/, '');

describe('an error of another library is described by class, code and place (D9)', () => {
  test.each([
    [new Error('x'), 'Error'],
    [new TypeError('x'), 'TypeError'],
    [new LedgerError('x'), 'LedgerError'],
    [new AggregateError([], 'x'), 'AggregateError'],
    [Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'Error ECONNREFUSED'],
    [Object.assign(new Error('x'), { code: 'ENOTFOUND' }), 'Error ENOTFOUND'],
    [Object.assign(new TypeError('x'), { code: 'ERR_INVALID_ARG_TYPE' }), 'TypeError ERR_INVALID_ARG_TYPE'],
    [Object.assign(new Error('x'), { code: 'UND_ERR_CONNECT_TIMEOUT' }), 'Error UND_ERR_CONNECT_TIMEOUT'],
    [Object.assign(new Error('x'), { code: 'CERT_HAS_EXPIRED' }), 'Error CERT_HAS_EXPIRED'],
    [new ReplyError('NOAUTH Authentication required.'), 'ReplyError NOAUTH'],
    [new ReplyError('WRONGPASS invalid username-password pair'), 'ReplyError WRONGPASS'],
    [AbortSignal.abort().reason, 'AbortError'],
    [Object.assign(new Error('x'), { code: ['ERR_INVALID_ARG_TYPE'] }), 'Error'],
    [Object.assign(new ReplyError('x'), { message: 42 }), 'ReplyError'],
    [Object.assign(new Error('x'), { stack: 42 }), 'Error'],
  ])('%s', (error, told) => {
    expect(withoutPlace(error)).toBe(told);
  });

  test.each(
    [
      'EACCES ECONNRESET EPIPE ETIMEDOUT ENODATA ETIMEOUT ESERVFAIL EREFUSED CERT_NOT_YET_VALID CERT_REVOKED',
      'CERT_UNTRUSTED CERT_REJECTED DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY UNABLE_TO_VERIFY_LEAF_SIGNATURE HOSTNAME_MISMATCH EPROTO',
    ].flatMap((codes) => codes.split(' ')),
  )('whose code is %s', (code) => {
    expect(withoutPlace(Object.assign(new Error('x'), { code }))).toBe(`Error ${code}`);
  });

  test.each(
    [
      'NOPERM READONLY OOM LOADING MISCONF BUSY NOSCRIPT EXECABORT CLUSTERDOWN MASTERDOWN NOREPLICAS TRYAGAIN',
      'CROSSSLOT MOVED ASK WRONGTYPE UNBLOCKED',
    ].flatMap((codes) => codes.split(' ')),
  )('of Redis that begins with %s', (code) => {
    expect(withoutPlace(new ReplyError(`${code} and more`))).toBe(`ReplyError ${code}`);
    expect(withoutPlace(new ReplyError(code))).toBe(`ReplyError ${code}`);
    expect(withoutPlace(new LedgerError(code))).toBe('LedgerError');
  });

  test.each(['AbortError', 'TimeoutError', 'NotSupportedError', 'OperationError', 'DataError'])(
    'that a library names %s',
    (name) => {
      expect(withoutPlace(Object.assign(new Error('x'), { name }))).toBe(name);
    },
  );

  test('with the file and the line of its first frame', () => {
    expect(describeFirst(new Error('x'))).toMatch(
      /^Error at (file:\/\/)?\/.*foreign-error\.spec\.ts:\d+:\d+$/,
    );
    expect(describeFirst(new Error('r'))).toMatch(/^Error at .*foreign-error\.spec\.ts:\d+:\d+$/);
    expect(describeFirst(new Error('two\nlines'))).toMatch(/^Error at .*foreign-error\.spec\.ts:\d+:\d+$/);
    const wordless = Object.assign(new Error(''), { stack: 'Error\n    at f (/a.js:1:2)\n    at /b.js:3:4' });
    expect(describeFirst(wordless)).toBe('Error at /a.js:1:2');
  });

  test.each<[string, unknown]>([
    ['a message that is no text', { message: ['x'] }],
    ['a message that cannot become a text', { message: Object.create(null) }],
    ['a stack that is no text', { stack: ['Error: x'] }],
  ])('without a place for %s', (_what, members) => {
    expect(describeFirst(Object.assign(new Error('x'), members))).toBe('Error');
  });

  const named = (name: string): Error => new ({ [name]: class extends Error {} }[name] ?? Error)('x');
  const nameless = (): Error => {
    class Nameless extends LedgerError {}
    Reflect.deleteProperty(Nameless, 'name');
    return new Nameless('x');
  };

  test.each<[string, Error, string]>([
    ['one whose class has words for a name', named('Ledger Error'), 'Error'],
    ['one whose class has a name of 64 characters', named('L'.repeat(64)), 'L'.repeat(64)],
    ['one whose class has a longer name', named('L'.repeat(65)), 'Error'],
    ['one whose class has no name', nameless(), 'LedgerError'],
    [
      'one with a prototype that has no constructor',
      Object.setPrototypeOf(new Error('x'), Object.create(LedgerError.prototype)),
      'LedgerError',
    ],
    ['one with a function for a prototype', Object.setPrototypeOf(new Error('x'), () => PIECE), 'an error'],
    ['one without a prototype', Object.setPrototypeOf(new Error('x'), null), 'an error'],
  ])('%s is described by the nearest class that has a plain name', (_what, error, told) => {
    expect(withoutPlace(error)).toBe(told);
  });

  test('of Node too, and its causes, four at most', async () => {
    const refused = await new Promise((resolve) => connect(1, '127.0.0.1').on('error', resolve));
    const chain = new LedgerError('a', { cause: new Error('b', { cause: refused }) });
    expect(describeThrown(chain).map((told) => told.replace(/ at .*$/, ''))).toEqual([
      'LedgerError',
      'Error',
      'Error ECONNREFUSED',
    ]);
    const circle = new Error('circle');
    circle.cause = circle;
    expect(describeThrown(circle)).toHaveLength(4);
  });

  test.each([
    ['a text', TOKEN, 'string'],
    ['nothing', undefined, 'undefined'],
    ['null', null, 'object'],
    ['an object', { token: TOKEN, message: TOKEN, name: TOKEN, stack: TOKEN }, 'object'],
    ['a function', () => TOKEN, 'function'],
    ['a proxy of an error', new Proxy(new Error(TOKEN), { get: () => TOKEN }), 'object'],
    [
      'a proxy that throws',
      new Proxy(new Error('x'), {
        get: () => {
          throw new Error(TOKEN);
        },
        getPrototypeOf: () => {
          throw new Error(TOKEN);
        },
      }),
      'object',
    ],
    [
      'an object whose prototype throws',
      Object.create(
        new Proxy(
          {},
          {
            getPrototypeOf: () => {
              throw new Error(TOKEN);
            },
          },
        ),
      ),
      'object',
    ],
  ])('%s that is thrown is described by its type', (_what, thrown, type) => {
    expect(describeThrown(thrown)).toEqual([`${type} thrown, not an error`]);
  });

  const assigned = (members: object): Error => Object.assign(new Error('boom'), members);
  const hostile: readonly (readonly [string, () => unknown])[] = [
    ['a name', () => assigned({ name: TOKEN })],
    ['twelve characters of a name', () => assigned({ name: PIECE })],
    ['a name with line breaks', () => assigned({ name: `Error\nroot: ${PIECE}` })],
    ['a name with control sequences', () => assigned({ name: `\u001b[31m${PIECE}` })],
    ['a long name', () => assigned({ name: PIECE.repeat(1000) })],
    ['a code', () => assigned({ code: TOKEN })],
    ['twelve characters of a code', () => assigned({ code: PIECE })],
    ['a code with line breaks', () => assigned({ code: `ERR_X\n${PIECE}` })],
    ['a code that begins well', () => assigned({ code: `ERR_${PIECE}` })],
    ['a code that ends well', () => assigned({ code: `${PIECE} ERR_X` })],
    ['a long code', () => assigned({ code: `ERR_${PIECE.toUpperCase().repeat(1000)}` })],
    ['a code that is an object', () => assigned({ code: { toString: () => TOKEN } })],
    ['a constructor', () => assigned({ constructor: { name: PIECE } })],
    ['a constructor that is a class', () => assigned({ constructor: { [PIECE]: class {} }[PIECE] })],
    ['a message', () => new Error(TOKEN)],
    ['a message like a frame', () => new Error(`x\n    at ${PIECE} (/${PIECE}:1:1)`)],
    [
      'a message like a frame, emptied',
      () => assigned({ stack: `Error: x\n    at ${PIECE} (/${PIECE}:1:1)`, message: '' }),
    ],
    [
      'a message like a frame, replaced by one of such a length',
      () => assigned({ stack: `Error: x\n    at /${PIECE}:1:1`, message: '_'.repeat('Error: x\n'.length) }),
    ],
    ['a stack', () => assigned({ stack: TOKEN })],
    ['a stack of one frame', () => assigned({ stack: `Error: boom\n    at ${PIECE} of the client` })],
    ['the name of a function', () => ({ [PIECE]: () => new Error('x') })[PIECE]?.()],
    [
      'the key of a method',
      () => ({ [TOKEN]: function make() { return new Error('x'); } })[TOKEN]?.(), // prettier-ignore
    ],
    [
      'getters that throw',
      () =>
        Object.defineProperties(
          new Error('x'),
          Object.fromEntries(
            ['stack', 'name', 'code', 'message', 'cause'].map((name) => [
              name,
              {
                get: () => {
                  throw new Error(TOKEN);
                },
              },
            ]),
          ),
        ),
    ],
    ['an own prototype', () => Object.setPrototypeOf(new Error('x'), { name: PIECE, constructor: PIECE })],
    ['no prototype', () => Object.setPrototypeOf(new Error('x'), null)],
    [
      'a prototype that is a proxy',
      () => Object.setPrototypeOf(new Error('x'), new Proxy({}, { get: () => PIECE })),
    ],
    ['a query of a module', () => assigned({ stack: `Error: boom\n    at f (file:///x.js?t=${PIECE}:1:1)` })],
    ['the first word of a message', () => new ReplyError(`${PIECE.toUpperCase()} x`)],
    ['causes', () => new Error('x', { cause: { message: TOKEN, name: PIECE } })],
  ];

  test.each(hostile)('no content of %s is shown', (_what, make) => {
    const line = describeFailure(new DpopUnavailableError('internal_failure', { cause: make() }), {});
    expect(line).toMatch(/^answered 503: internal_failure; [\x20-\x7e]+$/);
    expect(line.toLowerCase()).not.toContain(PIECE.toLowerCase());
    expect(line).not.toContain('zq7kmarker');
    expect(line.length).toBeLessThan(500);
  });
});
