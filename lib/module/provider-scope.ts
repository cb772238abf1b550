import { Scope, type Type } from '@nestjs/common';
import {
  PARAMTYPES_METADATA,
  PROPERTY_DEPS_METADATA,
  SELF_DECLARED_DEPS_METADATA,
} from '@nestjs/common/constants.js';
import {
  classOf,
  type ContainerModule,
  nameOf,
  type ProviderToken,
  type ProviderWrapper,
} from './container.js';

/** A provider of which Nest creates more than one instance, and how it is reached. */
export interface ScopedDependency {
  readonly scope: 'durable' | 'request-scoped' | 'transient';
  /** The names from the first provider to the scoped one. */
  readonly path: readonly string[];
}

/**
 * Finds the scoped dependency because of which a provider is not a singleton. It reads the definitions of the providers,
 * not their instances: it works before Nest creates any, and versions of Nest treat scoped providers differently.
 *
 * @param path the name of the provider, or the names by which it was reached
 */
export function findScopedDependency(
  wrapper: ProviderWrapper,
  module: ContainerModule,
  path: readonly string[],
  isHarmless: (scope: ScopedDependency['scope']) => boolean = () => false,
): ScopedDependency | undefined {
  const seen = new Set<ProviderWrapper>();
  const find = (
    current: ProviderWrapper,
    home: ContainerModule,
    names: readonly string[],
  ): ScopedDependency | undefined => {
    if (seen.has(current)) return undefined;
    seen.add(current);
    const scope = scopeOf(current);
    if (scope !== undefined && !isHarmless(scope)) return { scope, path: names };
    for (const token of dependenciesOf(current)) {
      const dependency = findProvider(token, home);
      const found = dependency && find(dependency, dependency.host ?? home, [...names, nameOf(token)]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return find(wrapper, module, path);
}

/** The tokens that a provider depends on. */
export function dependenciesOf(wrapper: ProviderWrapper): readonly ProviderToken[] {
  const type = classOf(wrapper);
  const dependencies: readonly unknown[] = type === undefined ? (wrapper.inject ?? []) : injectedInto(type);
  return dependencies.map(toToken).filter((token) => token !== undefined);
}

/** The tokens that the constructor and the properties of a class inject. */
export function injectedInto(type: Type): readonly unknown[] {
  const read = (key: string): readonly unknown[] =>
    (Reflect.getMetadata(key, type) as readonly unknown[] | undefined) ?? [];
  const parameters = [...read(PARAMTYPES_METADATA)];
  for (const { index, param } of read(SELF_DECLARED_DEPS_METADATA) as readonly SelfDeclared[]) {
    parameters[index] = param;
  }
  const properties = read(PROPERTY_DEPS_METADATA) as readonly { readonly type: unknown }[];
  return [...parameters, ...properties.map((property) => property.type)];
}

interface SelfDeclared {
  readonly index: number;
  readonly param: unknown;
}

function scopeOf({ scope, durable }: ProviderWrapper): ScopedDependency['scope'] | undefined {
  if (scope === Scope.REQUEST) return durable === true ? 'durable' : 'request-scoped';
  return scope === Scope.TRANSIENT ? 'transient' : undefined;
}

/** The token of an item of `inject`: a token, `{ token, optional }`, or a forward reference. */
function toToken(dependency: unknown): ProviderToken | undefined {
  if (typeof dependency !== 'object' || dependency === null) return dependency as ProviderToken | undefined;
  const { token, forwardRef } = dependency as {
    readonly token?: unknown;
    readonly forwardRef?: () => unknown;
  };
  return toToken(typeof forwardRef === 'function' ? forwardRef() : token);
}

/** The provider of the module itself, or one that its imports export. Global modules are among the imports. */
function findProvider(token: ProviderToken, module: ContainerModule): ProviderWrapper | undefined {
  return module.providers.get(token) ?? findExported(token, module, new Set());
}

function findExported(
  token: ProviderToken,
  module: ContainerModule,
  seen: Set<ContainerModule>,
  isReexported: (imported: ContainerModule) => boolean = () => true,
): ProviderWrapper | undefined {
  for (const imported of module.imports) {
    if (seen.has(imported) || !isReexported(imported)) continue;
    seen.add(imported);
    const own = imported.exports.has(token) ? imported.providers.get(token) : undefined;
    const found =
      own ?? findExported(token, imported, seen, ({ metatype }) => imported.exports.has(metatype));
    if (found !== undefined) return found;
  }
  return undefined;
}
