import type { DynamicModule } from '@nestjs/common';

/**
 * Gives back the module that was made of equal options before. Nest takes two objects for two modules: with equal
 * options they would be two replay memories that know nothing of each other.
 */
export class EqualRegistrations {
  readonly #options = new WeakMap<DynamicModule, object>();
  #modules: WeakRef<DynamicModule>[] = [];

  getOrCreate(options: object, create: () => DynamicModule): DynamicModule {
    this.#modules = this.#modules.filter((reference) => reference.deref() !== undefined);
    for (const reference of this.#modules) {
      const module = reference.deref();
      if (module !== undefined && isEqual(this.#options.get(module), options)) return module;
    }
    const module = create();
    this.#options.set(module, options);
    this.#modules.push(new WeakRef(module));
    return module;
  }
}

/** Plain data by what it holds, anything else (functions, stores, secrets as octets) by identity. */
function isEqual(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => isEqual(item, right[index]));
  }
  if (!isPlain(left) || !isPlain(right)) return false;
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => Object.hasOwn(right, name) && isEqual(left[name], right[name]))
  );
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // The root of another realm is a root, too.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
