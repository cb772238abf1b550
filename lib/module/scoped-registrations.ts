import type { ModulesContainer } from '@nestjs/core';
import type { ContainerModule } from './container.js';

/**
 * Asserts that each module gets the guard of one registration at most. Nest gives a module the first provider that it
 * finds in its imports, and says nothing of the second.
 *
 * @param name of the module class that is registered
 * @param registrations in the whole app
 * @throws TypeError for a module that imports two registrations with `isGlobal: false`, directly or by a module that exports one
 */
export function assertOneRegistrationEach(
  name: string,
  registrations: readonly ContainerModule[],
  modules: ModulesContainer,
): void {
  const scoped = new Set(registrations.filter(({ isGlobal }) => !isGlobal));
  const importers = [...modules.values()].filter((module) => importedInto(module, scoped).size > 1);
  if (importers.length === 0) return;
  throw new TypeError(
    `${importers.map(({ metatype }) => metatype.name).join(', ')} imports two registrations of ${name} with isGlobal: false, and Nest would silently use one of them. ` +
      'Give the controllers of each registration a module of their own, which imports that registration only',
  );
}

function importedInto(
  module: ContainerModule,
  scoped: ReadonlySet<ContainerModule>,
): ReadonlySet<ContainerModule> {
  const found = new Set<ContainerModule>();
  const seen = new Set<ContainerModule>();
  const visit = (imports: Iterable<ContainerModule>): void => {
    for (const imported of imports) {
      if (seen.has(imported)) continue;
      seen.add(imported);
      if (scoped.has(imported)) found.add(imported);
      else visit([...imported.imports].filter(({ metatype }) => imported.exports.has(metatype)));
    }
  };
  visit(module.imports);
  return found;
}
