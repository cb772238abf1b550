import { describe, expect, test } from '@jest/globals';
import { Dpop, RequireAuthentication, SkipDpop } from './policy.decorators.js';
import {
  Require,
  RequireAnyRole,
  RequireAnyScope,
  RequireAuthorizationDetails,
  RequirePermissions,
  RequireRoles,
  RequireScopes,
} from './rights.decorators.js';
import { classPolicyOf, routePolicyOf } from './route-policy.js';

const service = { nonce: 'off', bearer: 'reject' } as const;
class Guard {}
type Type = new () => { read(): void };

const policyOf = (type: Type) =>
  routePolicyOf((type.prototype as { read: object }).read, type, service, Guard);

const always = (): boolean => true;
const never = (): boolean => false;
const editor = { client: 'accounts', role: 'editor' };

describe('the policy that decorators make (B13)', () => {
  test('each kind is a member of the policy, which is frozen', () => {
    @RequireAnyScope('c', 'd')
    @RequireAuthorizationDetails('payment', always)
    class Target {
      @Dpop({ nonce: 'required' })
      @RequireScopes('a', 'b')
      @RequireRoles('admin', editor)
      @RequireAnyRole('x')
      @RequirePermissions('p', 'q', 'p')
      @RequireAuthentication({ acrValues: ['phr'] })
      @Require(always)
      read(): void {}
    }
    const policy = policyOf(Target);
    expect(policy).toEqual({
      nonce: 'required',
      bearer: 'reject',
      scopes: ['a', 'b'],
      anyScope: ['c', 'd'],
      roles: ['admin', editor],
      anyRole: ['x'],
      permissions: ['p', 'q'],
      authorizationDetails: [{ type: 'payment', predicate: always }],
      authentication: { acrValues: ['phr'] },
      predicates: [always],
    });
    const parts = [policy, policy?.roles, policy?.roles?.[1], policy?.authorizationDetails?.[0]];
    expect(parts.every(Object.isFrozen)).toBe(true);
  });

  test('the nearest level decides each kind on its own', () => {
    @RequireRoles('far')
    @RequirePermissions('far')
    @Require(never)
    class Base {
      read(): void {}
    }
    @RequireRoles('near')
    class Target extends Base {
      @Require(always)
      override read(): void {}
    }
    expect(policyOf(Target)).toEqual({
      ...service,
      roles: ['near'],
      permissions: ['far'],
      predicates: [always],
    });
  });

  test('a handler that overrides another keeps every kind of requirement', () => {
    class Base {
      @RequireAnyScope('s')
      @RequireAnyRole('r')
      @RequireAuthorizationDetails('payment')
      @Require(never)
      @SkipDpop()
      read(): void {}
    }
    @SkipDpop()
    class Opened extends Base {}
    class Target extends Opened {
      override read(): void {}
    }
    expect(policyOf(Target)).toEqual(undefined);
    class Closed extends Base {
      override read(): void {}
    }
    expect(policyOf(Closed)).toMatchObject({ anyScope: ['s'], anyRole: ['r'], predicates: [never] });
  });

  test('a handler that overrides another keeps an end and a refusal of tickets, and no allowance', () => {
    class Base {
      @Dpop({ ticket: 'allow', endAtExpiry: true })
      read(): void {}
    }
    class Allowing extends Base {
      override read(): void {}
    }
    expect(policyOf(Base)).toEqual({ ...service, ticket: 'allow', endAtExpiry: true });
    expect(policyOf(Allowing)).toEqual({ ...service, endAtExpiry: true });
    @Dpop({ ticket: 'allow' })
    class Strict {
      @Dpop({ ticket: 'reject', endAtExpiry: false })
      read(): void {}
    }
    class Overriding extends Strict {
      override read(): void {}
    }
    expect(policyOf(Overriding)).toEqual({ ...service, ticket: 'reject' });
  });

  test('the policy of a class has its tickets and its end, for gateways', () => {
    @Dpop({ ticket: 'allow', endAtExpiry: true })
    class Gateway {}
    expect(classPolicyOf(Gateway, service, Guard)).toEqual({
      ...service,
      ticket: 'allow',
      endAtExpiry: true,
    });
  });

  test('a handler that overrides another keeps what is stricter than the service, and nothing that is looser', () => {
    class Base {
      @Dpop({ nonce: 'off', bearer: 'allow-unbound', enforcement: 'report', anonymous: 'allow' })
      loose(): void {}
      @Dpop({ nonce: 'required', bearer: 'reject', enforcement: 'enforce', anonymous: 'reject' })
      read(): void {}
    }
    class Target extends Base {
      override loose(): void {}
      override read(): void {}
    }
    const strict = {
      nonce: 'required',
      bearer: 'reject',
      enforcement: 'enforce',
      anonymous: 'reject',
    } as const;
    const loose = {
      nonce: 'off',
      bearer: 'allow-unbound',
      enforcement: 'report',
      anonymous: 'allow',
    } as const;
    const { read, loose: looseHandler } = Target.prototype;
    expect(routePolicyOf(read, Target, loose, Guard)).toEqual(strict);
    expect(routePolicyOf(looseHandler, Target, strict, Guard)).toEqual(strict);
    expect(routePolicyOf(looseHandler, Target, service, Guard)).toStrictEqual(service);
  });

  test('what stands twice on one target adds up, the upper one first', () => {
    @RequireScopes('a')
    @RequireScopes('b', 'a')
    class Target {
      @RequireRoles('upper')
      @RequireRoles(editor)
      @RequirePermissions('upper')
      @RequirePermissions('lower')
      @RequireAuthorizationDetails('payment', never)
      @RequireAuthorizationDetails('payment', always)
      @Require(never)
      @Require(always)
      @Require(never)
      @Dpop({ nonce: 'required' })
      @Dpop({ bearer: 'reject', nonce: 'required' })
      @Dpop()
      read(): void {}
    }
    expect(policyOf(Target)).toEqual({
      nonce: 'required',
      bearer: 'reject',
      scopes: ['a', 'b'],
      roles: ['upper', editor],
      permissions: ['upper', 'lower'],
      authorizationDetails: [
        { type: 'payment', predicate: never },
        { type: 'payment', predicate: always },
      ],
      predicates: [never, always],
    });
  });

  test('also when a decorator of the app wraps the handler between the two', () => {
    const wrap: MethodDecorator = (_target, _name, descriptor) => {
      const handler = descriptor.value as object;
      const wrapper = (): void => undefined;
      descriptor.value = Object.setPrototypeOf(wrapper, handler) as never;
    };
    class Target {
      @RequireRoles('upper')
      @wrap
      @RequireRoles('lower')
      read(): void {}
    }
    expect(policyOf(Target)).toMatchObject({ roles: ['upper', 'lower'] });
  });

  test('what a class requires is not added to by a class that extends it', () => {
    @RequireRoles('far')
    class Base {
      read(): void {}
    }
    @RequireRoles('near')
    class Target extends Base {}
    expect(policyOf(Target)).toMatchObject({ roles: ['near'] });
    expect(policyOf(Base)).toMatchObject({ roles: ['far'] });
  });

  test.each([
    ['@RequireAnyScope', RequireAnyScope('a'), RequireAnyScope('a')],
    ['@RequireAnyRole', RequireAnyRole('a'), RequireAnyRole(editor)],
    [
      '@RequireAuthentication',
      RequireAuthentication({ acrValues: ['phr'] }),
      RequireAuthentication({ maxAgeSeconds: 1 }),
    ],
    ['@Dpop', Dpop({ nonce: 'required' }), Dpop({ nonce: 'off' })],
    ['@Dpop', Dpop({ bearer: 'allow-unbound' }), Dpop({ bearer: 'reject' })],
  ])('%s twice on one target, which cannot be added up, is a TypeError', (name, one, other) => {
    for (const [lower, upper] of [
      [one, other],
      [other, one],
    ] as const) {
      const onClass = (): unknown => {
        class Target {}
        lower(Target);
        return upper(Target);
      };
      const onHandler = (): unknown => {
        class Target {
          @upper
          @lower
          read(): void {}
        }
        return Target;
      };
      for (const decorate of [onClass, onHandler]) {
        expect(decorate).toThrow(TypeError);
        expect(decorate).toThrow(`${name}()`);
      }
    }
  });

  test('a decorator on a property would require nothing, and is a TypeError', () => {
    const onProperty = RequireRoles('admin') as unknown as (target: object, name: string) => void;
    class Target {}
    expect(() => onProperty(Target.prototype, 'handler')).toThrow(
      new TypeError('@RequireRoles() must be used on a method or on a class'),
    );
  });
});

describe('the policy of a class without its handlers (J1)', () => {
  const classPolicy = (type: Type) => classPolicyOf(type, service, Guard);

  test('is what the class and its base classes require, the nearest first', () => {
    @Dpop({ nonce: 'required' })
    @RequireScopes('far')
    class Base {
      @RequireRoles('of the handler')
      read(): void {}
    }
    @RequireScopes('near')
    class Target extends Base {}
    expect(classPolicy(Base)).toEqual({ nonce: 'required', bearer: 'reject', scopes: ['far'] });
    expect(classPolicy(Target)).toEqual({ nonce: 'required', bearer: 'reject', scopes: ['near'] });
  });

  test('is that of the service where the class says nothing, and none where it is open', () => {
    class Silent {
      @SkipDpop()
      read(): void {}
    }
    @SkipDpop()
    class Open {
      read(): void {}
    }
    expect(classPolicy(Silent)).toEqual(service);
    expect(classPolicy(Open)).toBeUndefined();
  });
});
