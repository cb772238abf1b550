import { describe, expect, test } from '@jest/globals';
import { type CanActivate, Injectable, type Type, UseGuards } from '@nestjs/common';
import type { DpopPolicy } from '../verification/policy.js';
import { Dpop, RequireAuthentication, SkipDpop } from './policy.decorators.js';
import { RequireScopes } from './rights.decorators.js';
import { isDemand, isGuard, isOpened, lineageOf, routeLevelOfClass, routeLevelsOf } from './route-levels.js';
import { routePolicyOf } from './route-policy.js';

@Injectable()
class OurGuard implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

class AuditedGuard extends OurGuard {}

class YesGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

const SERVICE: DpopPolicy = { nonce: 'off', bearer: 'allow-unbound' };

const handlerOf = (type: Type, name = 'read'): object =>
  Object.getOwnPropertyDescriptor(type.prototype, name)?.value as object;

const policyOf = (type: Type, handler: object = (type.prototype as { read: object }).read) =>
  routePolicyOf(handler, type, SERVICE, OurGuard);

class Plain {
  read(): void {}
}

describe('the levels of a route (E1)', () => {
  test('are its handler, its class and each base class, the nearest first', () => {
    class Sub extends Plain {}
    const handler = handlerOf(Plain);
    expect(routeLevelsOf(handler, Sub, OurGuard)).toEqual(
      [handler, Sub, Plain].map((target) => ({
        target,
        policy: undefined,
        requirements: {},
        guarded: false,
        skipped: false,
      })),
    );
    expect([...lineageOf(Sub)]).toEqual([Sub, Plain]);
  });

  test('have what their decorators say', () => {
    @Dpop({ nonce: 'required' })
    @RequireScopes('read')
    @RequireAuthentication({ maxAgeSeconds: 5 })
    @UseGuards(OurGuard)
    @SkipDpop()
    class Full {}
    expect(routeLevelOfClass(Full, OurGuard)).toEqual({
      target: Full,
      policy: { nonce: 'required' },
      requirements: { scopes: ['read'], authentication: { maxAgeSeconds: 5 } },
      guarded: true,
      skipped: true,
    });
  });

  test('of an overridden handler come just before the level of its class, without its openings', () => {
    class Base {
      @Dpop({ nonce: 'off', bearer: 'allow-unbound' })
      @SkipDpop()
      read(): void {}
    }
    class Middle extends Base {
      @Dpop({ nonce: 'required', bearer: 'reject' })
      override read(): void {}
    }
    class Sub extends Middle {
      override read(): void {}
    }
    const [own, base, middle] = [Sub, Base, Middle].map((type) => handlerOf(type));
    const levels = routeLevelsOf(own ?? {}, Sub, OurGuard);
    expect(levels.map(({ target }) => target)).toEqual([own, Sub, middle, Middle, base, Base]);
    expect(levels[2]).toMatchObject({ policy: { nonce: 'required', bearer: 'reject' } });
    expect(levels[4]).toMatchObject({ policy: {}, skipped: false });
    expect(levels[4]?.policy).toEqual({});
  });

  test('go on behind a class that neither has nor overrides the handler', () => {
    class Base {
      @RequireScopes('far')
      read(): void {}
    }
    class Gap extends Base {}
    class Middle extends Gap {
      override read(): void {}
    }
    class Sub extends Middle {}
    const levels = routeLevelsOf(handlerOf(Middle), Sub, OurGuard);
    expect(levels.map(({ target }) => target)).toEqual([
      handlerOf(Middle),
      Sub,
      Middle,
      Gap,
      handlerOf(Base),
      Base,
    ]);
  });

  test('have no place for what is no method, and end where no class follows', () => {
    class Base {}
    Object.defineProperty(Base.prototype, 'read', { value: 'a text' });
    class Sub extends Base {
      read(): void {}
    }
    const levels = routeLevelsOf(handlerOf(Sub), Sub, OurGuard);
    expect(levels.map(({ target }) => target)).toEqual([handlerOf(Sub), Sub, Base]);

    class Rootless {}
    Object.setPrototypeOf(Rootless, null);
    expect([...lineageOf(Rootless)]).toEqual([Rootless]);
    const withoutInstances = Object.assign(function none() {}, { prototype: null }) as unknown as Type;
    expect([...lineageOf(withoutInstances)]).toStrictEqual([]);
  });

  test('are found for a handler of any name, and for one that no class knows', () => {
    const name = Symbol('read');
    class Base {
      @RequireScopes('far')
      [name](): void {}
      get other(): object {
        throw new Error('a getter is not called');
      }
    }
    class Sub extends Base {
      override [name](): void {}
    }
    const levels = routeLevelsOf(Sub.prototype[name], Sub, OurGuard);
    expect(levels.map(({ requirements }) => requirements)).toEqual([{}, {}, { scopes: ['far'] }, {}]);
    const stranger = (): void => {};
    expect(routeLevelsOf(stranger, Sub, OurGuard).map(({ target }) => target)).toEqual([stranger, Sub, Base]);
  });

  test('include a handler whose metadata are inherited, as those of a wrapper are', () => {
    class Guarded {
      @RequireScopes('read')
      read(): void {}
    }
    const wrapper = Object.setPrototypeOf(() => undefined, handlerOf(Guarded)) as object;
    expect(routeLevelsOf(wrapper, Guarded, OurGuard)[0]).toMatchObject({
      requirements: { scopes: ['read'] },
    });
  });

  test('have the guards of @UseGuards on this class, not those that it repeats of its base class', () => {
    @UseGuards(YesGuard, OurGuard)
    class Base {}
    @UseGuards(YesGuard)
    class Sub extends Base {}
    @UseGuards(OurGuard)
    class Again extends Base {}
    class Silent extends Base {}
    const guarded = (type: Type): boolean => routeLevelOfClass(type, OurGuard).guarded;
    expect([Base, Sub, Again, Silent].map(guarded)).toEqual([true, false, true, false]);

    class Replaced extends Base {}
    Reflect.defineMetadata('__guards__', [OurGuard], Replaced);
    expect(guarded(Replaced)).toBe(true);
    Reflect.defineMetadata('__guards__', [YesGuard, AuditedGuard], Replaced);
    expect(guarded(Replaced)).toBe(true);
  });
});

describe('what covers and opens a route (I2)', () => {
  test('is the guard itself, a class that extends it, or an instance of either', () => {
    const bound = [OurGuard, AuditedGuard, new OurGuard(), new AuditedGuard()];
    expect(bound.map((guard) => isGuard(guard, OurGuard))).toEqual([true, true, true, true]);
    const others = [YesGuard, new YesGuard(), () => OurGuard, undefined, null, 'guard', OurGuard.prototype];
    expect(others.map((guard) => isGuard(guard, AuditedGuard))).toEqual(others.map(() => false));
  });

  const none = {
    target: {},
    policy: undefined,
    requirements: {},
    guarded: false,
    skipped: false,
  };
  const demands = [
    { policy: {} },
    { requirements: { scopes: [] } },
    { requirements: { authentication: {} } },
    { guarded: true },
  ];
  const skipped = { ...none, skipped: true };

  test.each(demands)('is @SkipDpop on the nearest level with any decorator, but not beside %j', (demand) => {
    const demanding = { ...none, ...demand };
    expect([none, skipped, demanding].map(isDemand)).toEqual([false, false, true]);
    expect(isOpened([none, skipped, demanding])).toBe(true);
    expect(isOpened([none, demanding, skipped])).toBe(false);
    expect(isOpened([{ ...skipped, ...demand }])).toBe(false);
  });

  test('is nothing where no level has a decorator', () => {
    expect(isOpened([])).toBe(false);
    expect(isOpened([none, none])).toBe(false);
  });
});

describe('the policy of a route (E1, D2)', () => {
  test('is that of the service where no decorator stands, and frozen', () => {
    expect(policyOf(Plain)).toEqual(SERVICE);
    expect(Object.isFrozen(policyOf(Plain))).toBe(true);
  });

  test('is undefined for an open route', () => {
    @SkipDpop()
    class Open extends Plain {}
    expect(policyOf(Open)).toBeUndefined();
    expect(policyOf(class Sub extends Open {})).toBeUndefined();
  });

  test('takes each part from the nearest level that sets it', () => {
    @Dpop({ nonce: 'required', bearer: 'reject' })
    @RequireScopes('far')
    @RequireAuthentication({ acrValues: ['far'] })
    class Base {
      read(): void {}
    }
    @Dpop({ nonce: 'off' })
    class Middle extends Base {}
    @RequireScopes('near')
    @RequireAuthentication({ acrValues: ['near'] })
    class Sub extends Middle {}
    expect(policyOf(Middle)).toEqual({
      nonce: 'off',
      bearer: 'reject',
      scopes: ['far'],
      authentication: { acrValues: ['far'] },
    });
    expect(policyOf(Sub)).toEqual({
      nonce: 'off',
      bearer: 'reject',
      scopes: ['near'],
      authentication: { acrValues: ['near'] },
    });
  });
});
