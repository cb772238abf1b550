import type { DynamicModule } from '@nestjs/common';

/**
 * Returns the same module for equal options. Nest treats two objects as two modules. Two modules with equal options
 * would have separate replay stores, and each would accept a proof once.
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

/** Compares plain data by value, and anything else by identity: functions, stores, secrets as bytes. */
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
  // `Object.prototype` of any realm.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
