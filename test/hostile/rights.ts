import { asBearer, type Change, path, proofHeader, resend, tokenClaims } from './changes.js';
import { badProof, badToken, refused, type Row, rows } from './row.js';

type Claims = Readonly<Record<string, unknown>>;

const lacks = (reason: Parameters<typeof refused>[1]) => refused('insufficient_rights', reason);
const details = (...entries: readonly unknown[]): Claims => ({ authorization_details: entries });
const payment = { type: 'payment', amount: 10 };
const onRoute = (route: string, claims: Claims): readonly Change[] => [path(route), tokenClaims(claims)];

/** Each route with the claims that it takes, and with those of an attacker who knows how they are read. */
const ROUTES: readonly (readonly [string, Claims, Row['expect'], Readonly<Record<string, Claims>>])[] = [
  [
    '/any-scope',
    {},
    refused('insufficient_scope', 'scope_insufficient', {
      parameters: { scope: 'accounts:write accounts:admin' },
    }),
    {
      'neither scope': { scope: 'accounts:read' },
      'a scope that one of them begins': { scope: 'accounts:administrator' },
      'both scopes as one': { scope: 'accounts:write,accounts:admin' },
      'scopes in an object': { scope: { 'accounts:write': true } },
    },
  ],
  [
    '/roles',
    { roles: ['auditor', 'admin'] },
    lacks('role_insufficient'),
    {
      'one role of two': { roles: ['admin'] },
      'both roles as one': { roles: ['admin auditor'] },
      'roles as a string': { roles: 'admin auditor' },
      'roles nested in an array': { roles: [['admin', 'auditor']] },
      'roles in an object like an array': { roles: { 0: 'admin', 1: 'auditor', length: 2 } },
      'roles in another case': { roles: ['Admin', 'Auditor'] },
      'roles that are null': { roles: null },
      'roles as scopes': { roles: [], scope: 'admin auditor' },
      'roles with a NUL': { roles: ['admin\u0000', 'auditor'] },
    },
  ],
  [
    '/any-role',
    { roles: ['admin'] },
    lacks('role_insufficient'),
    {
      'no role': { roles: [] },
      'a client role in the place of a role': { roles: ['name'] },
      'a client role under a name that objects inherit': { roles: [], constructor: ['name'] },
      'the client roles of another issuer': {
        roles: [],
        resource_access: { constructor: { roles: ['name'] } },
        clientRoles: { constructor: ['name'] },
      },
    },
  ],
  [
    '/permissions',
    { permissions: ['read:all'] },
    lacks('permission_insufficient'),
    {
      'another permission': { permissions: ['read:al'] },
      'permissions as a string': { permissions: 'read:all' },
      'permissions as keys': { permissions: { 'read:all': true } },
      'permissions nested in an array': { permissions: [['read:all']] },
    },
  ],
  [
    '/payments',
    details(payment),
    lacks('authorization_details_insufficient'),
    {
      'no details': { authorization_details: undefined },
      'details without their array': { authorization_details: payment },
      'details in a string': { authorization_details: JSON.stringify([payment]) },
      'details nested in an array': details([payment]),
      'a type in an array': details({ ...payment, type: ['payment'] }),
      'a type that is inherited': details(JSON.parse('{"__proto__":{"type":"payment","amount":10}}')),
      'what is asked for spread over two entries': details({ type: 'payment' }, { type: 'x', amount: 10 }),
      'an amount as a string': details({ ...payment, amount: '10' }),
    },
  ],
  [
    '/tenant',
    { tenant: 'acme' },
    lacks('requirement_unmet'),
    { 'another tenant': { tenant: 'other' }, 'tenants in an array': { tenant: ['acme'] } },
  ],
];

export const rightsRows: readonly Row[] = [
  ...ROUTES.flatMap(([route, good, expect, bad]) =>
    rows<Claims>(bad, (what, claims) => ({
      id: 'B13',
      what: `${route} with ${what}`,
      from: onRoute(route, good),
      change: [tokenClaims(claims)],
      expect,
    })),
  ),
  {
    id: 'B13',
    what: 'a token that lacks the role, with a bad proof: the proof comes first',
    from: onRoute('/roles', { roles: ['admin', 'auditor'] }),
    change: [tokenClaims({ roles: [] }), proofHeader({ typ: 'JWT' })],
    expect: badProof('proof_typ'),
  },
  {
    id: 'B13',
    what: 'a Bearer token that lacks the role, where Bearer is offered',
    on: 'bearer',
    from: [...asBearer, ...onRoute('/roles', { roles: ['admin', 'auditor'] })],
    fromScheme: 'Bearer',
    change: [tokenClaims({ roles: ['admin'] })],
    expect: { ...lacks('role_insufficient'), used: 'Bearer' },
  },
  {
    id: 'B13',
    what: 'a right token, again with the same proof',
    from: onRoute('/tenant', { tenant: 'acme' }),
    after: {},
    change: [resend()],
    expect: badProof('proof_replayed'),
  },
];

const secondMethods: Readonly<Record<string, Claims>> = {
  'a certificate': { 'x5t#S256': 'A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0' },
  'a certificate that is null': { 'x5t#S256': null },
  'another key': { jwk: { kty: 'EC' } },
  'a key by its id': { kid: 'other' },
  'a key set': { jku: 'https://keys.example' },
  'an encrypted key': { jwe: 'a.b.c.d.e' },
  'a security context': { osc: {} },
};

/** Nobody checks a second confirmation here: such a token is refused. */
export const confirmationRows: readonly Row[] = rows<Claims>(secondMethods, (what, members) => ({
  id: 'B11',
  what: `a token that is also bound to ${what}`,
  change: [
    (draft, context) =>
      tokenClaims({ cnf: { ...(draft.token.claims['cnf'] as Claims), ...members } })(draft, context),
  ],
  expect: badToken('confirmation_unchecked'),
}));
