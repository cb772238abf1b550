import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import type { DynamicModule } from '@nestjs/common';
import { EqualRegistrations } from './equal-registrations.js';

class SomeModule {}

const create = (): DynamicModule => ({ module: SomeModule });

/** Whether two values of one option make one registration. */
function areOne(one: unknown, other: unknown): boolean {
  const registrations = new EqualRegistrations();
  const first = registrations.getOrCreate({ option: one }, create);
  return registrations.getOrCreate({ option: other }, create) === first;
}

describe('two registrations (I3)', () => {
  const sameFunction = () => 0;
  const sameStore = new (class Store {})();

  const equal: readonly (readonly [string, unknown, unknown])[] = [
    ['texts', 'a', 'a'],
    ['what is not a number', Number.NaN, Number.NaN],
    ['arrays', ['a', ['b']], ['a', ['b']]],
    ['nested plain objects, in another order', { a: { b: 1 }, c: 2 }, { c: 2, a: { b: 1 } }],
    ['objects without a prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ['plain objects of another realm', runInNewContext('({ a: 1 })'), { a: 1 }],
    ['the same function', sameFunction, sameFunction],
    ['the same instance', sameStore, sameStore],
    ['undefined', undefined, undefined],
  ];

  test.each(equal)('are one for equal options: %s', (_what, one, other) => {
    expect(areOne(one, other)).toBe(true);
  });

  const different: readonly (readonly [string, unknown, unknown])[] = [
    ['texts', 'a', 'b'],
    ['a number and its text', 1, '1'],
    ['an item', ['a', 'b'], ['a', 'c']],
    ['more items', ['a'], ['a', 'b']],
    ['fewer items', ['a', 'b'], ['a']],
    ['an array and an object', ['a'], { 0: 'a' }],
    ['an object and an array', {}, []],
    ['an array and a text', ['a'], 'a'],
    ['a text and an array', 'a', ['a']],
    ['a text and its members', 'a', { 0: 'a' }],
    ['another value', { a: 1 }, { a: 2 }],
    ['more members', { a: 1 }, { a: 1, b: 2 }],
    ['fewer members', { a: 1, b: 2 }, { a: 1 }],
    ['another member that is undefined', { a: undefined }, { b: undefined }],
    ['an inherited member', { toString: Object.prototype.toString }, {}],
    ['a member that the other one inherits', { constructor: Object }, { other: 1 }],
    ['null and an object', null, {}],
    ['undefined and an object', undefined, {}],
    ['an object and undefined', {}, undefined],
    ['an object and null', {}, null],
    ['functions', () => 0, () => 0],
    ['instances', new (class Store {})(), new (class Store {})()],
    ['a plain object and an instance', {}, new (class Store {})()],
    ['an instance and a plain object', new (class Store {})(), {}],
    ['secrets as bytes', new Uint8Array(2), new Uint8Array(2)],
    ['dates', new Date(0), new Date(1)],
  ];

  test.each(different)('are two for different options: %s', (_what, one, other) => {
    expect(areOne(one, other)).toBe(false);
  });

  test('of many each finds its own, and is created once', () => {
    const registrations = new EqualRegistrations();
    let created = 0;
    const register = (option: number) =>
      registrations.getOrCreate({ option }, () => {
        created += 1;
        return create();
      });
    const modules = [1, 2, 3].map(register);
    expect([1, 2, 3].map(register)).toEqual(modules);
    for (const [index, module] of modules.entries()) expect(register(index + 1)).toBe(module);
    expect(new Set(modules).size).toBe(3);
    expect(created).toBe(3);
  });
});
