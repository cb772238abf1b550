import type { ModulesContainer } from '@nestjs/core';
import { DPOP_CONFIG } from '../config/injection-tokens.js';
import { type ContainerModule, registrationsIn } from './container.js';
import { MODULE_OPTIONS_TOKEN } from './module-definition.js';
import { findScopedDependency } from './provider-scope.js';

/**
 * Holds that the options are one for the app. It runs while Nest makes the providers of `DpopModule`, from what Nest
 * has been told of them, and so depends on none of them.
 *
 * @throws TypeError for options that are not one for the app, and for two global registrations
 */
export function assertRegistrations(modules: ModulesContainer): void {
  const registrations = registrationsIn(modules);
  registrations.forEach(assertOneForTheApp);
  const globals = registrations.filter(({ isGlobal }) => isGlobal);
  if (globals.length < 2) return;
  const places = globals.map((module) => importersOf(module, modules));
  throw new TypeError(
    `DpopModule is registered globally ${globals.length} times, with options that differ or come from factories: in the imports of ${places.join(' and of ')}. ` +
      'One of them would silently win. Import forRoot or forRootAsync once, in the root module; a part of the app with options of its own registers them with isGlobal: false, and imports that module wherever it needs it',
  );
}

/**
 * Holds the same once Nest has made everything: what Nest says of the configuration itself.
 *
 * @throws TypeError for a configuration that is not one for the app
 */
export function assertStatic(modules: ModulesContainer): void {
  for (const { providers } of registrationsIn(modules)) {
    if (providers.get(DPOP_CONFIG)?.isDependencyTreeStatic() === false) failScoped('a scoped provider', []);
  }
}

function assertOneForTheApp(module: ContainerModule): void {
  const options = module.providers.get(MODULE_OPTIONS_TOKEN);
  const found = options && findScopedDependency(options, module, ['DpopModule']);
  if (found !== undefined) failScoped(`a ${found.scope} provider`, found.path);
}

function failScoped(cause: string, path: readonly string[]): never {
  const way = path.length === 0 ? '' : `: ${path.join(' → ')}`;
  throw new TypeError(
    `The options of DpopModule must be one for the whole app, but they depend on ${cause}${way}. ` +
      'Each request would have replay memory of its own. Inject singletons only, ConfigService for example, and make what stands between them a singleton (Scope.DEFAULT); what differs from request to request belongs into origin: (request) => … or into an AccessTokenVerifier',
  );
}

/** The global modules follow in the imports of each module; what stands before them was imported by name. */
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
