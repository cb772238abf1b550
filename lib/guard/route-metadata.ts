import { SetMetadata, type Type } from '@nestjs/common';
import { fail } from '../errors/option-asserts.js';

export type RouteDecorator = MethodDecorator & ClassDecorator;

/** What one decorator sets for a handler or a class. */
export class RouteMetadata<T> {
  /** @internal The key of the metadata. */
  readonly key: string;
  readonly #merge: (upper: T, lower: T) => T;

  /**
   * @param decorator its name, such as `@Dpop`
   * @param merge both values of a decorator that stands twice on one target. It must not drop a requirement
   */
  constructor(
    readonly decorator: string,
    merge: (upper: T, lower: T) => T,
  ) {
    this.key = `nestjs-dpop:${decorator}`;
    this.#merge = merge;
  }

  /**
   * The decorator with this value.
   *
   * @throws TypeError on anything but a method or a class, or on a target that has a value which cannot be merged
   */
  decorate(value: T): RouteDecorator {
    return (target: object, name?: PropertyKey, descriptor?: Readonly<PropertyDescriptor>): void => {
      if (name === undefined) this.#define(target, value, Reflect.getOwnMetadata(this.key, target));
      else {
        const handler: unknown = descriptor?.value;
        if (typeof handler !== 'function') fail(`${this.decorator}()`, 'used on a method or on a class');
        // A decorator of the app may have wrapped the handler in a function that has it as its prototype.
        this.#define(handler, value, Reflect.getMetadata(this.key, handler));
      }
    };
  }

  #define(target: object, value: T, present: unknown): void {
    const merged = present === undefined ? value : this.#merge(value, present as T);
    SetMetadata(this.key, merged)(target as Type);
  }
}

/** All values of both, each once. */
export function addUp<T>(upper: readonly T[], lower: readonly T[]): readonly T[] {
  return Object.freeze([...new Set([...upper, ...lower])]);
}

/** For values that have no sum: none of the two may be dropped. */
export function refuseRepetition<T>(decorator: string, wayOut: string): (upper: T, lower: T) => T {
  return () => fail(`${decorator}()`, `used once on a handler or a class; ${wayOut}`);
}
