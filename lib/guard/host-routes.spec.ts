import { describe, expect, test } from '@jest/globals';
import { Controller, type Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { HostRoutes } from './host-routes.js';

function boundTo(host?: string | RegExp | (string | RegExp)[]): Type {
  @Controller(host === undefined ? {} : { host })
  class SomeController {}
  return SomeController;
}

const Unbound = boundTo();

/** The rule of a controller for any host, reached by a name that nothing knows, beside one bound to this pattern. */
function ruleBeside(pattern: string | RegExp | (string | RegExp)[]) {
  return routesOf(boundTo(pattern), Unbound).rule(Unbound, () => 'internal');
}

function routesOf(...controllers: Type[]): HostRoutes {
  const wrappers = new Map(controllers.map((metatype) => [metatype, { metatype }]));
  return new HostRoutes(new Map([['module', { controllers: wrappers }]]) as unknown as ModulesContainer);
}

describe('hosts that routes are bound to (C9o)', () => {
  test('are none where no controller names one', () => {
    const unread = (): string => {
      throw new Error('Host is not looked at');
    };
    expect(routesOf(Unbound).rule(Unbound, unread)).toBeUndefined();
  });

  test('a bound controller serves the host of the request alone', () => {
    const bound = boundTo([':tenant.example.org', /^eu\d\.example\.net$/]);
    const rule = routesOf(bound).rule(bound, () => 'ACME.example.org');
    expect(rule?.('acme.example.org')).toBe(true);
    expect(rule?.('umbrella.example.org')).toBe(false);
    expect(rule?.('eu1.example.net')).toBe(false);
    expect(routesOf(bound).rule(bound, () => undefined)?.('acme.example.org')).toBe(false);
  });

  test('a binding is inherited as Nest inherits it', () => {
    class Derived extends boundTo('admin.example.com') {}
    expect(routesOf(Derived).rule(Derived, () => 'a.example.com')?.('b.example.com')).toBe(false);
  });

  test('each keep their hosts from a controller for any host, whichever controller is bound to them', () => {
    const rule = routesOf(boundTo('a.example.com'), boundTo(['b.example.com']), Unbound).rule(
      Unbound,
      () => 'internal',
    );
    const hosts = ['a.example.com', 'b.example.com', 'c.example.com'];
    expect(hosts.map((host) => rule?.(host))).toEqual([false, false, true]);
  });

  test('are none for a controller that is no class', () => {
    const controllers = new Map([['odd', { metatype: null }]]);
    const modules = new Map([['module', { controllers }]]) as unknown as ModulesContainer;
    expect(new HostRoutes(modules).rule(Unbound, () => 'internal')).toBeUndefined();
  });

  test.each([
    ['admin.example.com', 'admin.example.com', true],
    ['Admin.Example.com', 'admin.example.com', true],
    ['admin.example.com', 'adminxexample.com', false],
    ['admin.example.com', 'admin.example.com.evil.example', false],
    [':tenant.example.org', 'acme.example.org', true],
    [':tenant.example.org', 'example.org', false],
    ['{www.}:tenant.example.org', 'acme.example.org', true],
    ['*hosts.example.org', 'a.b.example.org', true],
    [':"the tenant".example.org', 'acme.example.org', true],
    ['*"the hosts".example.org', 'a.b.example.org', true],
    [/^eu\d\.example\.net$/g, 'eu1.example.net', true],
    [/^eu\d\.example\.net$/, 'us1.example.net', false],
  ])('%s beside it keeps %s from a controller for any host: %s', (pattern, host, keeps) => {
    const rule = ruleBeside([pattern]);
    expect(rule?.(host)).toBe(!keeps);
    // The same each time, also for a pattern that remembers.
    expect(rule?.(host)).toBe(!keeps);
    expect(rule?.('internal')).toBe(true);
  });
});
