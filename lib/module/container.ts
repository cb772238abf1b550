import type { Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { DPOP_CONFIG } from '../config/injection-tokens.js';

/** A module of Nest's container, whose type Nest does not export. */
export type ContainerModule = NonNullable<ReturnType<ModulesContainer['get']>>;

/** What the container knows of one provider. */
export type ProviderWrapper = NonNullable<ReturnType<ContainerModule['providers']['get']>>;

export type ProviderToken = Parameters<ContainerModule['providers']['get']>[0];

/** The registrations of `DpopModule` in one app, in the order in which Nest found them. */
export function registrationsIn(modules: ModulesContainer): readonly ContainerModule[] {
  return [...modules.values()].filter(({ providers }) => providers.has(DPOP_CONFIG));
}

/** The class of a provider or a controller; `undefined` for values, factories and aliases. */
export function classOf({ metatype, inject }: ProviderWrapper): Type | undefined {
  const isClass = typeof metatype === 'function' && metatype.prototype !== undefined && !inject;
  return isClass ? (metatype as Type) : undefined;
}

/** As an operator knows it: the name of a class, the text of a string or a symbol. */
export function nameOf(token: unknown): string {
  if (typeof token === 'function') return token.name;
  return typeof token === 'symbol' ? (token.description ?? 'symbol') : String(token);
}
