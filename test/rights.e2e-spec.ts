import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, type Type, UseGuards } from '@nestjs/common';
import {
  DpopGuard,
  DpopModule,
  DpopUnavailableError,
  type DpopVerdict,
  readStandardRights,
  Require,
  RequireAnyRole,
  RequireAnyScope,
  RequireAuthorizationDetails,
  RequirePermissions,
  RequireRoles,
  RequireScopes,
  SkipDpop,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, send, UNAVAILABLE } from './support/call.js';
import { CountingStore } from './support/counting-store.js';
import { HandClock } from './support/hand-clock.js';
import { LogCollector } from './support/log-collector.js';
import { observeDecisions } from './support/observe-decisions.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';

let ran: string[] = [];
let asked: DpopVerdict[] = [];
/** What the predicates of the app answer. */
let answer: () => unknown = () => true;

const isTenant = (verdict: DpopVerdict): boolean => {
  asked.push(verdict);
  return answer() as boolean;
};
const isPayable = (detail: Readonly<Record<string, unknown>>): boolean => detail['amount'] === 10;

function handled(route: string): string {
  ran.push(route);
  return route;
}

@UseGuards(DpopGuard)
@Controller()
class RightsController {
  @RequireScopes('read', 'write')
  @Get('scopes')
  scopes(): string {
    return handled('scopes');
  }

  @RequireAnyScope('read', 'write')
  @Get('any-scope')
  anyScope(): string {
    return handled('any-scope');
  }

  @RequireRoles('admin', { client: 'accounts', role: 'editor' })
  @Get('roles')
  roles(): string {
    return handled('roles');
  }

  @RequireAnyRole('admin', { client: 'accounts', role: 'editor' })
  @Get('any-role')
  anyRole(): string {
    return handled('any-role');
  }

  @RequireRoles({ client: 'constructor', role: 'name' })
  @Get('constructor-role')
  constructorRole(): string {
    return handled('constructor-role');
  }

  @RequireRoles({ client: '__proto__', role: 'editor' })
  @Get('proto-role')
  protoRole(): string {
    return handled('proto-role');
  }

  @RequirePermissions('read:all', 'write:all')
  @Get('permissions')
  permissions(): string {
    return handled('permissions');
  }

  @RequireAuthorizationDetails('payment')
  @Get('details')
  details(): string {
    return handled('details');
  }

  @RequireAuthorizationDetails('payment', isPayable)
  @Get('payable')
  payable(): string {
    return handled('payable');
  }

  @RequireAuthorizationDetails('payment', (() => answer()) as () => boolean)
  @Get('asked-details')
  askedDetails(): string {
    return handled('asked-details');
  }

  @Require(isTenant)
  @Get('asked')
  asked(): string {
    return handled('asked');
  }

  @Require((verdict) => verdict.subject !== 'nobody')
  @Require(isTenant)
  @RequireRoles('admin')
  @Get('both')
  both(): string {
    return handled('both');
  }

  @RequireScopes('one')
  @RequireScopes('two')
  @RequireRoles('admin')
  @RequireRoles('auditor')
  @RequirePermissions('a')
  @RequirePermissions('b')
  @RequireAuthorizationDetails('payment')
  @RequireAuthorizationDetails('account')
  @Get('twice')
  twice(): string {
    return handled('twice');
  }
}

@UseGuards(DpopGuard)
@RequireRoles('admin')
@RequireAnyScope('read')
@Controller('class')
class ClassController {
  @Get('inherited')
  inherited(): string {
    return handled('inherited');
  }

  @RequireRoles('auditor')
  @Get('own')
  own(): string {
    return handled('own');
  }
}

@SkipDpop()
@Controller('open')
class OpenController {
  @Get('open')
  open(): string {
    return handled('open');
  }

  @UseGuards(DpopGuard)
  @Require(() => true)
  @Get('closed')
  closed(): string {
    return handled('closed');
  }
}

class BaseController {
  @RequireRoles('admin')
  @Require(isTenant)
  @Get('overridden')
  read(): string {
    return handled('base');
  }
}

@UseGuards(DpopGuard)
@Controller()
class OverridingController extends BaseController {
  @Get('overridden')
  override read(): string {
    return handled('overridden');
  }
}

type Claims = Readonly<Record<string, unknown>>;

const editor = { client_roles: { accounts: ['editor'] } };
const payment = { type: 'payment', amount: 10 };
const details = (...entries: unknown[]): Claims => ({ authorization_details: entries });
const ownProto = (value: unknown): unknown => JSON.parse(`{"__proto__":${JSON.stringify(value)}}`);

/** Route, what passes, and what does not although it differs in one thing only. */
const LACKS: readonly (readonly [path: string, good: Claims, reason: string, bad: Record<string, Claims>])[] =
  [
    [
      '/any-scope',
      { scope: 'write' },
      'scope_insufficient',
      {
        'another scope': { scope: 'admin' },
        'a scope that begins so': { scope: 'writer' },
        'no scope': { scope: undefined },
        'both in one': { scope: 'read,write' },
      },
    ],
    [
      '/roles',
      { roles: ['admin', 'other'], ...editor },
      'role_insufficient',
      {
        'the role of the client alone': { roles: [] },
        'the other role alone': { client_roles: {} },
        'the role of another client': { client_roles: { other: ['editor'] } },
        'the role of the client for the whole realm': { roles: ['admin', 'editor'], client_roles: {} },
        'a role as a string': { roles: 'admin' },
        'roles nested in an array': { roles: [['admin']] },
        'roles as keys': { roles: { admin: true } },
        'a role in another case': { roles: ['ADMIN'] },
        'a role of the client as a string': { client_roles: { accounts: 'editor' } },
        'a role of the client as a key': { client_roles: { accounts: { editor: true } } },
        'the client behind __proto__': { client_roles: ownProto({ accounts: ['editor'] }) },
      },
    ],
    [
      '/any-role',
      editor,
      'role_insufficient',
      {
        'neither role': { client_roles: { accounts: ['viewer'] } },
        'no roles at all': { client_roles: null },
      },
    ],
    [
      '/constructor-role',
      { client_roles: { constructor: ['name'] } },
      'role_insufficient',
      { 'no such client': { client_roles: {} }, 'no client roles': { client_roles: undefined } },
    ],
    [
      '/proto-role',
      { client_roles: ownProto(['editor']) },
      'role_insufficient',
      {
        'no such client': { client_roles: {} },
        'another role of it': { client_roles: ownProto(['viewer']) },
      },
    ],
    [
      '/permissions',
      { permissions: ['write:all', 'read:all'] },
      'permission_insufficient',
      {
        'one of them': { permissions: ['read:all'] },
        'permissions as a string': { permissions: 'read:all write:all' },
        'permissions nested': { permissions: [['read:all', 'write:all']] },
        'scopes in their place': { permissions: [], scope: 'read:all write:all' },
      },
    ],
    [
      '/details',
      details({ type: 'other' }, payment),
      'authorization_details_insufficient',
      {
        'another type': details({ type: 'payments' }),
        'no entry': details(),
        'no details': { authorization_details: undefined },
        'one entry without its array': { authorization_details: payment },
        'details in a string': { authorization_details: JSON.stringify([payment]) },
        'a type in an array': details({ type: ['payment'] }),
        'a type instead of an entry': details('payment'),
        'an entry nested in an array': details([payment]),
        'a type that is inherited': details(ownProto(payment)),
        'null in the place of an entry': details(null),
      },
    ],
    [
      '/payable',
      details({ type: 'payment', amount: 11 }, payment),
      'authorization_details_insufficient',
      {
        'an entry that does not satisfy': details({ type: 'payment', amount: 11 }),
        'another type that would satisfy': details({ type: 'other', amount: 10 }),
      },
    ],
    [
      '/twice',
      {
        scope: 'one two',
        roles: ['admin', 'auditor'],
        permissions: ['a', 'b'],
        ...details(payment, { type: 'account' }),
      },
      'scope_insufficient',
      { 'the upper scope alone': { scope: 'one' }, 'the lower scope alone': { scope: 'two' } },
    ],
    [
      '/twice',
      {
        scope: 'one two',
        roles: ['admin', 'auditor'],
        permissions: ['a', 'b'],
        ...details(payment, { type: 'account' }),
      },
      'role_insufficient',
      { 'the upper role alone': { roles: ['admin'] }, 'the lower role alone': { roles: ['auditor'] } },
    ],
    [
      '/twice',
      {
        scope: 'one two',
        roles: ['admin', 'auditor'],
        permissions: ['a', 'b'],
        ...details(payment, { type: 'account' }),
      },
      'authorization_details_insufficient',
      { 'the upper type alone': details(payment), 'the lower type alone': details({ type: 'account' }) },
    ],
    [
      '/class/inherited',
      { roles: ['admin'], scope: 'read' },
      'role_insufficient',
      { 'a role of another route': { roles: ['auditor'] } },
    ],
    [
      '/class/own',
      { roles: ['auditor'], scope: 'read' },
      'role_insufficient',
      { 'the role of the class, which is replaced': { roles: ['admin'] } },
    ],
    [
      '/class/own',
      { roles: ['auditor'], scope: 'read' },
      'scope_insufficient',
      { 'no scope, which is of another kind and stays': { scope: '' } },
    ],
    ['/overridden', { roles: ['admin'] }, 'role_insufficient', { 'no role': { roles: [] } }],
  ];

const ROWS = LACKS.flatMap(([path, good, reason, bad]) =>
  Object.entries(bad).map(([what, claims]) => ({ path, good, reason, what, claims })),
);

describe.each(PLATFORMS)('rights that a route requires, on %s (B13)', (platform) => {
  let issuer: TestIssuer;
  let client: TestClient;
  let app: RunningApp;
  const store = new CountingStore();
  const logger = new LogCollector();
  const clock = new HandClock();

  beforeAll(async () => {
    issuer = await TestIssuer.create({ clock: clock.read });
    client = await TestClient.create({ clock: clock.read });
    const accessToken = {
      ...issuer.accessToken,
      readRights: (claims: Claims) => ({
        ...readStandardRights(claims),
        clientRoles: rolesByClient(claims['client_roles']),
      }),
    };
    const controllers = [RightsController, ClassController, OpenController, OverridingController];
    const storage = { replayStore: store, shared: true };
    const dpop = DpopModule.forRoot(withOrigin({ accessToken, storage, clock: clock.read }));
    app = await startApp(platform, createRootModule({ dpop, controllers }), { logger });
  });

  afterAll(closeApps);

  beforeEach(() => {
    ran = [];
    asked = [];
    answer = () => true;
    store.claims = 0;
    logger.lines.length = 0;
    // The log has room for the lines of each test.
    clock.advanceSeconds(60);
  });

  const ask = async (path: string, claims: Claims = {}) => {
    const token = await issuer.issueToken({ client, claims });
    return await call(app, client, { path, token });
  };

  test.each(ROWS)('$path refuses a token with $what', async ({ path, good, reason, claims }) => {
    const passed = await ask(path, good);
    expect(passed).toMatchObject({ status: 200, challenge: null });
    expect(ran).toHaveLength(1);
    expect(store.claims).toBe(1);

    let refused: Awaited<ReturnType<typeof ask>> | undefined;
    const decisions = await observeDecisions(async () => {
      refused = await ask(path, { ...good, ...claims });
    });
    const isScope = reason === 'scope_insufficient';
    expect(refused).toMatchObject({
      status: 403,
      code: isScope ? 'insufficient_scope' : 'insufficient_rights',
      nonce: null,
    });
    expect(decisions).toMatchObject([{ outcome: 'refused', reason, jkt: client.jkt }]);
    expect(refused?.headers.get('cache-control')).toBe('no-store');
    if (isScope) expect(refused?.challenge).toMatch(/^DPoP error="insufficient_scope".* scope="[a-z ]+"/);
    else expect(refused?.challenge).toBeNull();
    // Neither did the handler run, nor is the proof recorded.
    expect(ran).toHaveLength(1);
    expect(store.claims).toBe(1);
  });

  test('the challenge for one of several scopes lists them all, the log says that one is enough', async () => {
    const refused = await ask('/any-scope', { scope: 'other' });
    expect(refused.challenge).toContain('scope="read write"');
    expect(logger.text).toMatch(/insufficient_scope \(scope_insufficient\).*; expected: read or write/);
    expect(logger.text).not.toContain('required scopes');
  });

  test('the log says what is required, and what of it is missing, and nothing of the token', async () => {
    await ask('/scopes', { scope: 'write secret-scope' });
    await ask('/roles', { roles: ['secret-role'], ...editor });
    await ask('/any-role', { roles: ['secret-role'] });
    await ask('/permissions', { permissions: ['read:all', 'secret-permission'] });
    await ask('/details', details({ type: 'secret-type' }));
    expect(logger.text).toContain('required scopes: read write; missing: read');
    expect(logger.text).toContain('required: admin, editor of accounts; missing: admin');
    expect(logger.text).toContain('expected: admin or editor of accounts');
    expect(logger.text).toContain('required: read:all, write:all; missing: write:all');
    expect(logger.text).toMatch(
      /authorization_details_insufficient\).*RightsController\.details.*required: payment/,
    );
    expect(logger.text).not.toContain('secret');
  });

  test('where both scope and role lack, a challenge asks for the scope first', async () => {
    expect(await ask('/class/inherited')).toMatchObject({ status: 403, code: 'insufficient_scope' });
  });

  test('a client without credentials gets 401 and a challenge, whatever the route requires', async () => {
    for (const path of ['/roles', '/permissions', '/details', '/asked', '/open/closed']) {
      const refused = await send(app.url + path);
      expect(refused).toMatchObject({ status: 401, code: 'credentials_missing' });
      expect(refused.challenge).toMatch(/^DPoP algs=/);
    }
    expect(await send(`${app.url}/open/open`)).toMatchObject({ status: 200 });
    expect(asked).toStrictEqual([]);
  });

  describe('a predicate', () => {
    const promised = (value: unknown) => async (): Promise<unknown> => {
      await setImmediate();
      return value;
    };

    test.each([
      ['true', () => true],
      ['a promise of true', promised(true)],
    ])('that answers %s lets the request in, and has seen the verdict', async (_what, given) => {
      answer = given;
      expect(await ask('/asked', { tenant: 'acme' })).toMatchObject({ status: 200 });
      expect(ran).toEqual(['asked']);
      expect(asked).toMatchObject([{ scheme: 'DPoP', jkt: client.jkt, claims: { tenant: 'acme' } }]);
      expect(Object.isFrozen(asked[0])).toBe(true);
    });

    test.each([
      ['false', () => false],
      ['a promise of false', promised(false)],
    ])('that answers %s refuses it without a challenge, and its proof is not spent', async (_what, given) => {
      answer = given;
      const token = await issuer.issueToken({ client });
      const proof = await client.createProof({ method: 'GET', url: 'https://api.example.com/asked', token });
      const refused = await call(app, client, { path: '/asked', token, proof });
      expect(refused).toMatchObject({ status: 403, code: 'insufficient_rights', challenge: null });
      expect(logger.text).toMatch(/requirement_unmet\) on GET \/asked \(RightsController\.asked\).*isTenant/);
      expect([ran, store.claims]).toEqual([[], 0]);
      answer = () => true;
      expect(await call(app, client, { path: '/asked', token, proof })).toMatchObject({ status: 200 });
      expect([ran, store.claims]).toEqual([['asked'], 1]);
    });

    const nonAnswers: readonly (readonly [string, () => unknown])[] = [
      ['undefined', () => undefined],
      ['a truthy value', () => 'yes'],
      ['1', () => 1],
      ['null', () => null],
      ['an object', () => ({ allowed: true })],
      ['a promise of nothing', promised(undefined)],
      ['a promise of a truthy value', promised(1)],
    ];
    test.each(nonAnswers)('that answers %s is a failure of the service', async (_what, given) => {
      answer = given;
      expect(await ask('/asked')).toMatchObject(UNAVAILABLE);
      expect(logger.text).toMatch(
        /^error .*internal_failure; the predicate isTenant of @Require\(\) must return true or false.*RightsController\.asked/m,
      );
      expect([ran, store.claims]).toEqual([[], 0]);
    });

    test.each([
      ['throws', () => Promise.reject(new Error('secret text'))],
      [
        'throws at once',
        () => {
          throw new Error('secret text');
        },
      ],
    ])('that %s is a failure of the service, whose text is not logged', async (_what, given) => {
      answer = given;
      const refused = await ask('/asked');
      expect(refused).toMatchObject(UNAVAILABLE);
      expect(refused.headers.get('retry-after')).toBe('1');
      expect(logger.text).toMatch(
        /the predicate isTenant of @Require\(\) threw an error; .*RightsController\.asked/,
      );
      expect(logger.text).not.toContain('secret text');
      expect([ran, store.claims]).toEqual([[], 0]);
    });

    test('may itself say that it cannot tell, and when to come back', async () => {
      const advice = 'the directory of tenants is down';
      answer = () => {
        throw new DpopUnavailableError('internal_failure', { advice, retryAfterSeconds: 9 });
      };
      const refused = await ask('/asked');
      expect(refused).toMatchObject(UNAVAILABLE);
      expect(refused.headers.get('retry-after')).toBe('9');
      expect(logger.text).toContain(advice);
    });

    test('is asked after the rights are there, and two of them must both be met', async () => {
      expect(await ask('/both')).toMatchObject({ status: 403 });
      expect(asked).toStrictEqual([]);
      const roles = ['admin'];
      expect(await ask('/both', { roles })).toMatchObject({ status: 200 });
      answer = promised(false);
      expect(await ask('/both', { roles })).toMatchObject({ status: 403, code: 'insufficient_rights' });
      answer = promised(true);
      expect(await ask('/both', { roles })).toMatchObject({ status: 200 });
      expect(await ask('/both', { roles, sub: 'nobody' })).toMatchObject({ status: 403 });
      expect(logger.text).toMatch(
        /requirement_unmet\) on GET \/both \(RightsController\.both\).*required: an unnamed predicate/,
      );
      expect(ran).toEqual(['both', 'both']);
    });

    test('of an overridden handler is asked for the overriding one', async () => {
      answer = () => false;
      expect(await ask('/overridden', { roles: ['admin'] })).toMatchObject({ status: 403 });
      expect(asked).toHaveLength(1);
      expect(ran).toStrictEqual([]);
    });

    test.each([
      ['undefined', () => undefined, 'must return true or false'],
      ['a promise', promised(true), 'not a promise'],
      ['a promise that rejects', () => Promise.reject(new Error('late')), 'not a promise'],
    ])(
      'about authorization details that answers %s is a failure of the service',
      async (_what, given, words) => {
        answer = given;
        expect(await ask('/asked-details', details(payment))).toMatchObject(UNAVAILABLE);
        expect(logger.text).toContain(words);
        expect([ran, store.claims]).toEqual([[], 0]);
      },
    );
  });
});

function rolesByClient(claim: unknown): Record<string, readonly string[]> {
  const entries = typeof claim === 'object' && claim !== null ? Object.entries(claim) : [];
  return Object.fromEntries(
    entries.map(([name, roles]) => [name, Array.isArray(roles) ? (roles as string[]) : []]),
  );
}

describe('a decorator that stands twice on one target (B13)', () => {
  const twice = (...decorators: readonly (ClassDecorator & MethodDecorator)[]): (() => Type)[] => [
    () => {
      class Target {}
      for (const decorator of decorators) decorator(Target);
      return Target;
    },
    () => {
      class Target {
        read(): void {}
      }
      const descriptor = Object.getOwnPropertyDescriptor(Target.prototype, 'read') ?? {};
      for (const decorator of decorators) decorator(Target.prototype, 'read', descriptor);
      return Target;
    },
  ];

  test.each([
    ['@RequireAnyScope', RequireAnyScope('a'), RequireAnyScope('b')],
    ['@RequireAnyRole', RequireAnyRole('a'), RequireAnyRole('b')],
  ])('%s: neither is dropped, so that the app does not start', (name, one, other) => {
    for (const decorate of twice(one, other)) {
      expect(decorate).toThrow(TypeError);
      expect(decorate).toThrow(`${name}() must be used once on a handler or a class; name all`);
    }
  });
});
