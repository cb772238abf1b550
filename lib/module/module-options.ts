import { assertFunction, assertKnownNames, assertObject, fail } from '../errors/option-asserts.js';

/** For `setExtras` of the builder: a module is global unless `isGlobal: false`. */
export function applyIsGlobal<T extends object>(
  definition: T,
  { isGlobal }: { readonly isGlobal?: unknown },
): T & { global: boolean } {
  if (typeof isGlobal !== 'boolean') fail('isGlobal', 'true or false', { value: isGlobal });
  return { ...definition, global: isGlobal };
}

/**
 * Nest accepts any object, and then reports a missing dependency that the app does not know.
 *
 * @param module its name
 * @param others names of options that stand beside the factory, in place of `isGlobal`
 */
export function assertAsyncOptions(
  options: unknown,
  module: string,
  others: readonly string[] = ['isGlobal'],
): void {
  const name = `${module}.forRootAsync()`;
  const accepted = 'given one of useFactory, useClass and useExisting';
  assertObject(options, name, accepted);
  const ways = ['useFactory', 'useClass', 'useExisting'];
  assertKnownNames(options, name, [...ways, 'inject', 'imports', 'provideInjectionTokensFrom', ...others]);
  const given = ways.filter((way) => options[way] !== undefined);
  if (given.length !== 1) fail(name, `${accepted}; given: ${given.length === 0 ? 'none' : given.join(', ')}`);
  for (const way of ['useFactory', 'useClass'].filter((candidate) => given.includes(candidate))) {
    assertFunction(options[way], `${name} ${way}`, 'a function or a class');
  }
}

/**
 * The factory of the options when the app imports the class of a module itself, without `forRoot` or `forRootAsync`. It
 * throws a TypeError.
 *
 * @param module its name
 * @param token of the options, which Nest shows
 * @param options those that `forRoot` needs
 * @param isGlobal whether other modules use its providers
 */
export function refuseBareImport(
  module: string,
  token: string | symbol,
  options: string,
  isGlobal = true,
): () => never {
  const others = isGlobal
    ? '. It is global: other modules need not import it. With isGlobal: false they import the module that forRoot returned, not the class'
    : '';
  return () => {
    throw new TypeError(
      `${module} was imported without options (${String(token)}): import ${module}.forRoot({ ${options} }) or ${module}.forRootAsync({ … }) once, in the root module${others}`,
    );
  };
}
