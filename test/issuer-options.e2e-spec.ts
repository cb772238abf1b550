import { describe, expect, test } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AccessTokenVerifier, DpopModule, type DpopModuleOptions } from 'nestjs-dpop';
import { TestIssuer } from 'nestjs-dpop/testing';

const ORIGIN = 'https://api.example.com';

/** The message with which the app does not start; `undefined` when it does. */
async function messageOf(accessToken: unknown, allowInsecureHttp = false): Promise<string | undefined> {
  const options = { origin: ORIGIN, accessToken, allowInsecureHttp } as DpopModuleOptions;

  @Module({ imports: [DpopModule.forRoot(options)] })
  class AppModule {}

  try {
    const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
    await app.close();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as TypeError).message;
  }
}

class OwnVerifier extends AccessTokenVerifier {
  override verify(): never {
    throw new Error('not asked');
  }
}

describe('errors of accessToken name the option, the value and the way out (I4)', () => {
  // No network: the keys of every issuer are given.
  const givenKeys = async () => {
    const { accessToken } = await TestIssuer.create();
    return accessToken;
  };

  test('what is right starts', async () => {
    const good = await givenKeys();
    expect(await messageOf(good)).toBeUndefined();
    expect(await messageOf([good, new OwnVerifier()])).toBeUndefined();
    expect(await messageOf({ ...good, issuer: 'http://keycloak:8080/realms/x' }, true)).toBeUndefined();
    expect(await messageOf({ ...good, typ: ['at+jwt', 'absent'] })).toBeUndefined();
  });

  test.each([
    ['issuer', 'http://keycloak:8080/realms/x'],
    ['issuer', 'HTTP://auth.example.com'],
    ['issuer', 'http://10.0.0.1'],
    ['jwksUri', 'http://keycloak:8080/jwks'],
  ])('%s: %j says that http is for loopback only, and what to do', async (member, value) => {
    const { keys, ...good } = await givenKeys();
    const message = await messageOf({ ...good, ...(member === 'issuer' && { keys }), [member]: value });
    expect(message).toMatch(new RegExp(`^accessToken\\.${member} must be .*https`));
    const option =
      member === 'issuer' ? 'allowInsecureHttp: true' : 'allowInsecureJwksUri: true for this issuer';
    expect(message).toContain(`http is for loopback only: use https, or set ${option} in`);
    expect(message).toContain(`it is ${JSON.stringify(value)}`);
  });

  test.each([
    ['issuer', 'https://user:hidden@auth.example.com'],
    ['issuer', 'https://hidden@auth.example.com/realms/x'],
    ['jwksUri', 'https://user:hidden@auth.example.com/jwks'],
    ['jwksUri', 'http://:hidden@localhost:8080/jwks'],
  ])('%s: userinfo is refused, and a password is not shown', async (member, value) => {
    const { keys, ...good } = await givenKeys();
    for (const allowInsecureHttp of [false, true]) {
      const message = await messageOf(
        { ...good, ...(member === 'issuer' && { keys }), [member]: value },
        allowInsecureHttp,
      );
      expect(message).toMatch(new RegExp(`^accessToken\\.${member} must be .*has userinfo`));
      expect(message).not.toContain('hidden');
    }
  });

  test.each([
    ['issuer', 'auth.example.com', '"auth.example.com"'],
    ['issuer', 'https://auth.example.com?a=b', '"https://auth.example.com?a=b"'],
    ['issuer', ' https://auth.example.com', '" https://auth.example.com"'],
    ['issuer', 'ftp://auth.example.com', '"ftp://auth.example.com"'],
    ['issuer', undefined, 'undefined'],
    ['audience', '', '""'],
    ['audience', ['a', 42], "[ 'a', 42 ]"],
    ['typ', [], '[]'],
    ['typ', 42, '42'],
    ['algorithms', ['HS256'], "[ 'HS256' ]"],
    ['clockToleranceSeconds', 1000, '1000'],
    ['keysCooldownSeconds', '30', '"30"'],
    ['fetchTimeoutMs', 0, '0'],
  ])('%s: the value %j is shown', async (member, value, shown) => {
    const message = await messageOf({ ...(await givenKeys()), [member]: value });
    expect(message).toMatch(new RegExp(`^accessToken\\.${member} must be `));
    expect(message).toContain(`; it is ${shown}`);
  });

  test('in an array the index tells which', async () => {
    const good = await givenKeys();
    const other = { ...good, issuer: 'https://b.test' };
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      [[good, { ...other, issuer: 'http://b.test' }], /^accessToken\[1\]\.issuer must be /],
      [[new OwnVerifier(), { ...good, audience: [] }], /^accessToken\[1\]\.audience must be /],
      [[{ ...good, typ: '' }], /^accessToken\[0\]\.typ must be /],
      [[good, { ...other, jwks_uri: 'x' }], /^accessToken\[1\] has no option "jwks_uri"/],
      [[good, null], /^accessToken\[1\] must be /],
      [
        [good, other, { ...good, audience: 'b' }],
        /accessToken\[2\]\.issuer .*it is "https:\/\/issuer\.test"/,
      ],
    ];
    for (const [accessToken, message] of wrong) expect(await messageOf(accessToken)).toMatch(message);
  });

  test.each([
    ['https://auth.example.com', '; it is "https://auth.example.com"'],
    [undefined, '; it is undefined'],
    [42, '; it is 42'],
    [OwnVerifier, '; it is [class OwnVerifier extends AccessTokenVerifier]'],
  ])('%p in its place: what it must be is told, and what it is', async (accessToken, shown) => {
    const message = await messageOf(accessToken);
    expect(message).toMatch(/^accessToken must be an object, the options of an issuer: \{ issuer: "https:/);
    expect(message).toContain('an instance of a class that extends AccessTokenVerifier');
    expect(message).toContain(shown);
  });

  test('a verifier that does not extend the class is told so, and not shown', async () => {
    const message = await messageOf({ verify: () => ({}), clientSecret: 'hidden' });
    expect(message).toMatch(/^accessToken must be .*a class that extends AccessTokenVerifier/);
    expect(message).not.toContain('hidden');
  });
});
