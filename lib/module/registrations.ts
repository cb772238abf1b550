import type { ModulesContainer } from '@nestjs/core';
import { DPOP_CONFIG } from '../config/injection-tokens.js';
import { type ContainerModule, registrationsIn } from './container.js';
import { assertOneRegistrationEach } from './scoped-registrations.js';
import { MODULE_OPTIONS_TOKEN } from './module-definition.js';
import { findScopedDependency } from './provider-scope.js';

/**
 * Asserts that the options are the same for the whole app. It runs while Nest creates the providers of `DpopModule`, and
 * reads their definitions only.
 *
 * @throws TypeError for options that depend on a scoped provider, for two global registrations, and for two
 *   registrations in one module
 */
export function assertRegistrations(modules: ModulesContainer): void {
  const registrations = registrationsIn(modules);
  registrations.forEach(assertOptionsStatic);
  const globals = registrations.filter(({ isGlobal }) => isGlobal);
  if (globals.length < 2) return assertOneRegistrationEach('DpopModule', registrations, modules);
  const places = globals.map((module) => importersOf(module, modules));
  throw new TypeError(
    `DpopModule is registered globally ${globals.length} times, with options that differ or come from factories: in the imports of ${places.join(' and of ')}. ` +
      'Nest would silently use one of them. Import forRoot or forRootAsync once, in the root module. For a part of the app with other options, use isGlobal: false, and import the module that forRoot returned wherever it is needed',
  );
}

/**
 * Asserts the same after Nest has created all providers, from what Nest reports about the configuration.
 *
 * @throws TypeError for a configuration that depends on a scoped provider
 */
export function assertStatic(modules: ModulesContainer): void {
  for (const { providers } of registrationsIn(modules)) {
    if (providers.get(DPOP_CONFIG)?.isDependencyTreeStatic() === false) failScoped('a scoped provider', []);
  }
}

function assertOptionsStatic(module: ContainerModule): void {
  const options = module.providers.get(MODULE_OPTIONS_TOKEN);
  const found = options && findScopedDependency(options, module, ['DpopModule']);
  if (found !== undefined) failScoped(`a ${found.scope} provider`, found.path);
}

function failScoped(cause: string, path: readonly string[]): never {
  const way = path.length === 0 ? '' : `: ${path.join(' → ')}`;
  throw new TypeError(
    `The options of DpopModule must be one for the whole app, but they depend on ${cause}${way}. ` +
      'Each request would have its own replay store. Inject singletons only, such as ConfigService, and give each provider on the way Scope.DEFAULT, which makes it a singleton; put what differs from request to request into origin: (request) => …, and the issuers of tenants into accessToken: { resolveIssuer, tenantOf }',
  );
}

/** The modules that import it by name. In the imports of each module, Nest adds the global modules at the end. */
function importersOf(module: ContainerModule, modules: ModulesContainer): string {
  const names = [...modules.values()]
    .filter(({ imports }) => {
      const imported = [...imports];
      const firstGlobal = imported.findIndex(({ metatype }) => metatype.name === 'InternalCoreModule');
      return imported.indexOf(module) !== -1 && imported.indexOf(module) < firstGlobal;
    })
    .map(({ metatype }) => metatype.name);
  return names.length === 0 ? 'a module' : names.join(', ');
}
