import { expect, test } from '@jest/globals';
import { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } from './module-definition.js';

const options = { issuer: 'https://auth.example.com' };

test('the module is global unless isGlobal says otherwise (I4)', () => {
  const globalOf = (more: object): unknown => ConfigurableModuleClass.forRoot({ ...options, ...more }).global;
  expect([globalOf({}), globalOf({ isGlobal: true }), globalOf({ isGlobal: false })]).toEqual([
    true,
    true,
    false,
  ]);
});

test('the token of its options, which Nest shows, names the module (I4)', () => {
  expect(MODULE_OPTIONS_TOKEN).toBe('DPOP_AUTHORIZATION_SERVER_MODULE_OPTIONS');
});

test('a class makes its options by createDpopAuthorizationServerOptions (I4)', async () => {
  class Factory {
    createDpopAuthorizationServerOptions(): object {
      return options;
    }
  }
  const { providers = [] } = ConfigurableModuleClass.forRootAsync({ useClass: Factory as never });
  const made = providers.find(
    (provider) => 'provide' in provider && provider.provide === MODULE_OPTIONS_TOKEN,
  );
  expect(made).toMatchObject({ inject: [Factory] });
  const { useFactory } = made as { readonly useFactory: (factory: Factory) => unknown };
  expect(await useFactory(new Factory())).toBe(options);
});
