import { describe, expect, test } from '@jest/globals';
import {
  assertBoolean,
  assertFunction,
  assertHeaderText,
  assertInteger,
  assertKnownNames,
  assertObject,
  assertOneOf,
  assertStrings,
  fail,
} from './option-asserts.js';

/** What the operator is told of an option that cannot stand. */
function messageOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return error instanceof TypeError ? error.message : String(error);
  }
}

describe('an error of an option names it, what is accepted, and what it is (I4)', () => {
  test.each<[string, { readonly value: unknown } | undefined, string]>([
    ['nothing, where the value is a secret', undefined, ''],
    ['undefined', { value: undefined }, '; it is undefined'],
    ['a text', { value: 'a "b"' }, String.raw`; it is "a \"b\""`],
    ['a number', { value: 1.5 }, '; it is 1.5'],
    ['an object, to a depth of one', { value: { a: { b: { c: 1 } } } }, '; it is { a: { b: [Object] } }'],
    ['a password in a URL', { value: 'redis://me:secret@a.example' }, '; it is "redis://…@a.example"'],
    [
      'passwords in several URLs',
      { value: ['http://a@b.example', 'http://c@d.example'] },
      "; it is [ 'http://…@b.example', 'http://…@d.example' ]",
    ],
    ['120 characters', { value: 'a'.repeat(118) }, `; it is "${'a'.repeat(118)}"`],
    ['more than 120 characters', { value: 'a'.repeat(119) }, `; it is "${'a'.repeat(119)}…`],
  ])('%s', (_what, given, shown) => {
    expect(messageOf(() => fail('proof.option', 'something', given))).toBe(
      `proof.option must be something${shown}`,
    );
  });

  test('a long list stands in one line', () => {
    const value = Array.from({ length: 8 }, () => 'a'.repeat(12));
    expect(messageOf(() => fail('option', 'something', { value }))).not.toContain('\n');
  });
});

describe('an assert of an option (I4)', () => {
  test.each<[string, unknown, string]>([
    ['null', null, 'null'],
    ['undefined', undefined, 'undefined'],
    ['an array', [{}], 'an array'],
    ['a text, which may be a secret', 'secret', 'a string'],
    ['a function', () => {}, 'a function'],
  ])('refuses %s for an object, and does not show it', (_what, value, shown) => {
    expect(messageOf(() => assertObject(value, 'option'))).toBe(`option must be an object; it is ${shown}`);
    expect(messageOf(() => assertObject(value, 'option', 'a storage'))).toBe(
      `option must be a storage; it is ${shown}`,
    );
  });

  test('passes an object', () => {
    expect(messageOf(() => assertObject({}, 'option'))).toBeUndefined();
  });

  test('knows the names of options', () => {
    expect(messageOf(() => assertKnownNames({ a: 1 }, 'option', ['a', 'b']))).toBeUndefined();
    expect(messageOf(() => assertKnownNames({ a: 1, c: 2, d: 3 }, 'option', ['a', 'b']))).toBe(
      'option has no option "c"; known: a, b',
    );
  });

  test.each<[string, (value: unknown) => void, readonly unknown[], readonly unknown[], string]>([
    [
      'one of several',
      (value) => assertOneOf(value, 'option', ['a', 'b']),
      ['a', 'b'],
      ['c', 1],
      '"a" or "b"',
    ],
    [
      'an integer',
      (value) => assertInteger(value, 'option', 1, 3),
      [1, 2, 3],
      [0, 4, 1.5, '2', Number.NaN],
      'an integer from 1 to 3',
    ],
    [
      'a text for a header',
      (value) => assertHeaderText(value, 'option', 'a text'),
      ['a', ' ~'],
      ['', 'a\n', '\nb', 'a\x7f', 'é', ['a']],
      'a text',
    ],
    [
      'texts',
      (value) => assertStrings(value, 'option', 'a list'),
      [['a'], ['a', 'b']],
      [[], [''], ['a', ''], ['a', 1], 'a', undefined],
      'a list',
    ],
    [
      'a function',
      (value) => assertFunction(value, 'option', 'a function', { value }),
      [() => {}],
      [{}, undefined, 'a'],
      'a function',
    ],
    [
      'a boolean',
      (value) => assertBoolean(value, 'option'),
      [true, false],
      [undefined, 'true', 0],
      'true or false',
    ],
  ])('passes and refuses %s', (_what, check, good, bad, accepted) => {
    for (const value of good) expect(messageOf(() => check(value))).toBeUndefined();
    for (const value of bad)
      expect(messageOf(() => check(value))).toMatch(new RegExp(`^option must be ${accepted}; it is `));
  });

  test('does not show a function that is none where that is not wanted', () => {
    expect(messageOf(() => assertFunction('secret', 'option', 'a function'))).toBe(
      'option must be a function',
    );
  });
});

test('an assert of an option shows what it is (D9, I4)', () => {
  const shown = (check: () => void): string | undefined => messageOf(check)?.split('; ').at(-1);
  expect(shown(() => assertOneOf('c', 'option', ['a', 'b']))).toBe('it is "c"');
  expect(shown(() => assertInteger(1.5, 'option', 1, 3))).toBe('it is 1.5');
  expect(shown(() => assertHeaderText('caf\u00e9', 'option', 'ASCII'))).toBe('it is "caf\u00e9"');
  expect(shown(() => assertStrings(['a', ''], 'option', 'a list of texts'))).toBe("it is [ 'a', '' ]");
  expect(shown(() => assertBoolean('yes', 'option'))).toBe('it is "yes"');
});
