import { describe, expect, test } from '@jest/globals';
import { classOf, nameOf, type ProviderWrapper } from './container.js';

describe('a provider in the container of Nest (I2)', () => {
  class Service {}
  const wrapper = (parts: object) => parts as ProviderWrapper;

  test('has a class, unless it is a value, a factory or an alias', () => {
    expect(classOf(wrapper({ metatype: Service }))).toBe(Service);
    for (const parts of [
      { metatype: Service, inject: [] },
      { metatype: () => new Service(), inject: null },
      { metatype: null },
      { metatype: { prototype: {} } },
      {},
    ]) {
      expect(classOf(wrapper(parts))).toBeUndefined();
    }
  });

  test('is named by its class, its text or the words of its symbol', () => {
    const tokens = [Service, 'text', Symbol('words'), Symbol(), 5];
    expect(tokens.map(nameOf)).toEqual(['Service', 'text', 'words', 'symbol', '5']);
  });
});
