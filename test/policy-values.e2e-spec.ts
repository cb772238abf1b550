import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import {
  Dpop,
  DpopBound,
  DpopGuard,
  DpopModule,
  DpopVerifier,
  Require,
  RequireAnyRole,
  RequireAnyScope,
  RequireAuthentication,
  RequireAuthorizationDetails,
  RequirePermissions,
  RequireRoles,
  RequireScopes,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { GOOD } from './options/good-options.js';
import { call, proofFor } from './support/call.js';
import { closeApps, startApp } from './support/running-app.js';

describe('misuse of decorators is a TypeError where they stand', () => {
  const untyped = (decorator: (...values: never[]) => unknown, ...values: unknown[]): unknown =>
    (decorator as (...given: unknown[]) => unknown)(...values);

  const misuses: readonly (readonly [string, (...values: never[]) => unknown, readonly unknown[], RegExp])[] =
    [
      ['@Dpop(null)', Dpop, [null], /@Dpop\(\) must be an object/],
      ["@Dpop('required')", Dpop, ['required'], /@Dpop\(\) must be an object/],
      [
        'an unknown name',
        Dpop,
        [{ nonces: 'off' }],
        /@Dpop\(\) has no option "nonces"; known: nonce, bearer/,
      ],
      ['scopes in the wrong place', Dpop, [{ scopes: ['a'] }], /@Dpop\(\) has no option "scopes"/],
      ['an optional nonce', Dpop, [{ nonce: 'optional' }], /@Dpop\(\) nonce must be "off" or "required"/],
      ['nonce null', Dpop, [{ nonce: null }], /@Dpop\(\) nonce must be "off" or "required"/],
      ['bearer true', Dpop, [{ bearer: true }], /@Dpop\(\) bearer must be "reject" or "allow-unbound"/],
      ['ticket true', Dpop, [{ ticket: true }], /@Dpop\(\) ticket must be "reject" or "allow"/],
      ['endAtExpiry 1', Dpop, [{ endAtExpiry: 1 }], /@Dpop\(\) endAtExpiry must be true or false/],
      ['no scope', RequireScopes, [], /@RequireScopes\(\) must be given one or more scopes/],
      ['an empty scope', RequireScopes, ['a', ''], /@RequireScopes\(\)/],
      ['two scopes in one', RequireScopes, ['a b'], /@RequireScopes\(\)/],
      ['a quote', RequireScopes, ['a"b'], /@RequireScopes\(\)/],
      ['an array', RequireScopes, [['a']], /@RequireScopes\(\)/],
      ['a scope beyond ASCII', RequireScopes, ['büro'], /@RequireScopes\(\)/],
      ['no scope of any', RequireAnyScope, [], /@RequireAnyScope\(\) must be given one or more scopes/],
      ['a scope with a space', RequireAnyScope, ['a b'], /@RequireAnyScope\(\)/],
      ['no role', RequireRoles, [], /@RequireRoles\(\) must be given one or more roles/],
      ['an empty role', RequireRoles, ['a', ''], /@RequireRoles\(\) must be given one or more roles/],
      ['roles in an array', RequireRoles, [['a', 'b']], /@RequireRoles\(\) must be given one or more roles/],
      ['null as a role', RequireAnyRole, [null], /@RequireAnyRole\(\) must be given one or more roles/],
      ['a number as a role', RequireAnyRole, [1], /@RequireAnyRole\(\) must be given one or more roles/],
      ['no client', RequireRoles, [{ role: 'editor' }], /@RequireRoles\(\) must be given one or more roles/],
      [
        'an empty client',
        RequireAnyRole,
        [{ client: '', role: 'editor' }],
        /@RequireAnyRole\(\) must be given one or more roles/,
      ],
      [
        'several roles of a client',
        RequireRoles,
        [{ client: 'accounts', role: ['editor'] }],
        /@RequireRoles\(\) must be given one or more roles/,
      ],
      [
        'a misspelt name in a role',
        RequireRoles,
        [{ client: 'accounts', roles: 'editor' }],
        /@RequireRoles\(\) has no option "roles"; known: client, role/,
      ],
      ['no permission', RequirePermissions, [], /@RequirePermissions\(\) must be given one or more/],
      ['an empty permission', RequirePermissions, [''], /@RequirePermissions\(\) must be given one or more/],
      ['permissions in an array', RequirePermissions, [['a']], /@RequirePermissions\(\) must be given/],
      ['no type', RequireAuthorizationDetails, [], /@RequireAuthorizationDetails\(\) must be given the type/],
      [
        'an entry in the place of its type',
        RequireAuthorizationDetails,
        [{ type: 'payment' }],
        /@RequireAuthorizationDetails\(\) must be given the type/,
      ],
      [
        'a predicate that is none',
        RequireAuthorizationDetails,
        ['payment', true],
        /@RequireAuthorizationDetails\(\) predicate must be a function of one entry/,
      ],
      ['no predicate', Require, [], /@Require\(\) must be given a function of the verdict/],
      ['a value as a predicate', Require, [true], /@Require\(\) must be given a function of the verdict/],
      ['no demand', RequireAuthentication, [], /@RequireAuthentication\(\) must be an object/],
      ['an empty demand', RequireAuthentication, [{}], /@RequireAuthentication\(\) must be given acrValues/],
      [
        'an unknown name',
        RequireAuthentication,
        [{ maxAge: 1 }],
        /@RequireAuthentication\(\) has no option "maxAge"/,
      ],
      ['acrValues as a string', RequireAuthentication, [{ acrValues: 'phr' }], /acrValues must be an array/],
      ['no acrValues', RequireAuthentication, [{ acrValues: [] }], /acrValues must be an array/],
      ['a number in acrValues', RequireAuthentication, [{ acrValues: [1] }], /acrValues must be an array/],
      [
        'white space in acrValues',
        RequireAuthentication,
        [{ acrValues: ['a b'] }],
        /acrValues must be an array/,
      ],
      ['a negative age', RequireAuthentication, [{ maxAgeSeconds: -1 }], /maxAgeSeconds must be an integer/],
      [
        'an age in a string',
        RequireAuthentication,
        [{ maxAgeSeconds: '300' }],
        /maxAgeSeconds must be an integer/,
      ],
      ['a part that no verdict has', DpopBound, ['jtk'], /@DpopBound\(\) must be .*"jkt"/],
      ['a part from the prototype', DpopBound, ['constructor'], /@DpopBound\(\) must be .*"jkt"/],
    ];

  test.each(misuses)('%s: %p', (_name, decorator, values, message) => {
    const decorate = (): void => {
      const applied = untyped(decorator, ...values) as (target: object, key?: string, index?: number) => void;
      applied(class Target {}, 'constructor', 0);
    };
    expect(decorate).toThrow(TypeError);
    expect(decorate).toThrow(message);
  });
});

describe('what is left undefined is as the service has it (E1)', () => {
  let issuer: TestIssuer;
  let client: TestClient;

  beforeAll(async () => {
    issuer = await TestIssuer.create();
    client = await TestClient.create();
  });

  afterEach(closeApps);

  @Controller()
  @UseGuards(DpopGuard)
  class UndecidedController {
    // As untyped code, or TypeScript without exactOptionalPropertyTypes, may say it.
    @((Dpop as (policy: object) => MethodDecorator)({ nonce: undefined, bearer: undefined }))
    @Get()
    read(): string {
      return 'read';
    }
  }

  test('in @Dpop and for DpopVerifier.verify: a service that requires nonces still does', async () => {
    @Module({
      imports: [DpopModule.forRoot({ ...GOOD, accessToken: issuer.accessToken, nonce: 'required' })],
      controllers: [UndecidedController],
    })
    class AppModule {}

    const app = await startApp('express', AppModule);
    const token = await issuer.issueToken({ client });
    expect(await call(app, client, { token })).toMatchObject({ status: 401, code: 'use_dpop_nonce' });

    const proof = await proofFor(client, { token });
    const request = {
      method: 'GET',
      target: '/',
      rawHeaders: ['authorization', `DPoP ${token}`, 'dpop', proof],
    };
    const policy = { nonce: undefined } as object;
    const verifier = app.nest.get(DpopVerifier);
    await expect(verifier.verify(request, policy)).rejects.toMatchObject({ reason: 'nonce_missing' });
  });
});
