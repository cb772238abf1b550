import { now } from './baseline.js';
import { asBearer, path, proofHeader, tokenClaims } from './changes.js';
import { accepted, badProof, refused, type Row, rows } from './row.js';

const seconds = Math.floor(now());

const scope = { scope: 'accounts:write' };
const stepUp = { acr_values: 'phr phrh', max_age: '300' };
const lacksScope = refused('insufficient_scope', 'scope_insufficient', { parameters: scope });
const lacksAuthentication = refused('insufficient_user_authentication', 'authentication_insufficient', {
  parameters: stepUp,
});

export const routePolicies: readonly Row[] = [
  ...rows<unknown>(
    {
      'another scope': 'accounts:read',
      'no scope': undefined,
      'an empty scope': '',
      'scope null': null,
      'a scope that ours begins': 'accounts:write2',
      'a scope that begins ours': 'accounts:writ',
      'a scope in another case': 'ACCOUNTS:WRITE',
      'scopes joined with a comma': 'accounts:read,accounts:write',
      'scopes joined with a tab': 'accounts:read\taccounts:write',
      'a scope that is a number': 1,
      'scopes in an object': { 'accounts:write': true },
      'scopes nested in arrays': [['accounts:write']],
    },
    (what, value) => ({
      id: 'D2',
      what: `a token with ${what}`,
      from: [path('/scoped')],
      change: [tokenClaims({ scope: value })],
      expect: lacksScope,
    }),
  ),
  {
    id: 'D2',
    what: 'a token that lacks the scope, where Bearer is offered, too',
    on: 'bearer',
    from: [path('/scoped')],
    change: [tokenClaims({ scope: 'accounts:read' })],
    expect: lacksScope,
  },
  {
    id: 'D2',
    what: 'a Bearer token that lacks the scope',
    on: 'bearer',
    from: [...asBearer, path('/scoped')],
    fromScheme: 'Bearer',
    change: [tokenClaims({ scope: 'accounts:read' })],
    expect: { ...lacksScope, used: 'Bearer' },
  },
  {
    id: 'D2',
    what: 'a token that lacks the scope, with a bad proof: the proof comes first',
    from: [path('/scoped')],
    change: [tokenClaims({ scope: '' }), proofHeader({ typ: 'JWT' })],
    expect: badProof('proof_typ'),
  },
  ...rows<unknown>(
    {
      'of a weaker class': { acr: 'pwd' },
      'of no class': { acr: undefined },
      'of classes in an array': { acr: ['phr'] },
      'of a class in another case': { acr: 'PHR' },
      'of a class that ours begins': { acr: 'phr2' },
      'that tells no time': { auth_time: undefined },
      'whose time is a string': { auth_time: String(seconds) },
      'whose time is null': { auth_time: null },
      'of too long ago': { auth_time: seconds - 300 },
      'of long ago': { auth_time: 0 },
    },
    (what, members) => ({
      id: 'D2',
      what: `an authentication ${what}`,
      from: [path('/step-up')],
      change: [tokenClaims(members as Readonly<Record<string, unknown>>)],
      expect: lacksAuthentication,
    }),
  ),
  {
    id: 'D2',
    what: 'an authentication of the other class, just in time',
    from: [path('/step-up')],
    change: [tokenClaims({ acr: 'phrh', auth_time: seconds - 299 })],
    expect: accepted,
  },
];
