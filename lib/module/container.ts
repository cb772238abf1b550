import type { Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import type { DpopConfig } from '../config/dpop-config.js';
import { DPOP_CONFIG } from '../config/injection-tokens.js';

/** A module in the container of Nest, which does not export this type. */
export type ContainerModule = NonNullable<ReturnType<ModulesContainer['get']>>;

/** A provider in the container. */
export type ProviderWrapper = NonNullable<ReturnType<ContainerModule['providers']['get']>>;

export type ProviderToken = Parameters<ContainerModule['providers']['get']>[0];

/** The registrations of `DpopModule` in one app, in the order in which Nest found them. */
export function registrationsIn(modules: ModulesContainer): readonly ContainerModule[] {
  return [...modules.values()].filter(({ providers }) => providers.has(DPOP_CONFIG));
}

/** The configuration of a registration; `undefined` until Nest has created it. */
export function configOf({ providers }: ContainerModule): DpopConfig | undefined {
  return providers.get(DPOP_CONFIG)?.instance as DpopConfig | undefined;
}

/** The class of a provider or a controller; `undefined` for a value, a factory and an alias. */
export function classOf({ metatype, inject }: ProviderWrapper): Type | undefined {
  const isClass = typeof metatype === 'function' && metatype.prototype !== undefined && !inject;
  return isClass ? (metatype as Type) : undefined;
}

/** The name for messages: the name of a class, or the text of a string or a symbol. */
export function nameOf(token: unknown): string {
  if (typeof token === 'function') return token.name;
  return typeof token === 'symbol' ? (token.description ?? 'symbol') : String(token);
}
