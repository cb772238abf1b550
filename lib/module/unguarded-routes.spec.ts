import { describe, expect, test } from '@jest/globals';
import type { ProofRouteSurvey } from './proof-route-survey.js';
import type { RouteSurvey } from './route-survey.js';
import {
  describeUnenforcedProofs,
  describeUnguarded,
  describeUnguardedEndpoints,
} from './unguarded-routes.js';

const WHICH_GUARD =
  'DpopGuard is for resources: it verifies the access token and its key. DpopProofGuard is only for endpoints that take no access token, such as a token endpoint: it lets any key in';

const resources = (found: Partial<RouteSurvey>): RouteSurvey => ({
  unguarded: [],
  withoutToken: [],
  unguardedMessages: [],
  globallyGuardedMessages: [],
  inheritedGuardMessages: [],
  refusedMessages: [],
  hooks: [],
  contradictoryClasses: [],
  contradictoryHandlers: [],
  bearer: [],
  reporting: [],
  tickets: [],
  ...found,
});

const endpoints = (found: Partial<ProofRouteSurvey>): ProofRouteSurvey => ({
  unguarded: [],
  unenforced: [],
  contradictory: [],
  ...found,
});

describe('what is said of handlers of resources without a guard (I2)', () => {
  test('is nothing where there are none', () => {
    expect(describeUnguarded(resources({}), false)).toStrictEqual([]);
    expect(describeUnguarded(resources({}), true)).toStrictEqual([]);
  });

  const unguarded =
    'No DpopGuard covers these handlers, and their decorators enforce nothing: A.one, B.two. ' +
    'Add @UseGuards(DpopGuard) to the handler or its class, or { provide: APP_GUARD, useExisting: DpopGuard } to the providers of a module. ' +
    'Beside HTTP, handlers of messages and tools of MCP need @UseGuards, because global guards reach them only with inheritAppConfig: true';

  test('tells which guard is the right one where the app has both', () => {
    const survey = resources({ unguarded: ['A.one', 'B.two'] });
    expect(describeUnguarded(survey, false)).toEqual([unguarded]);
    expect(describeUnguarded(survey, true)).toEqual([`${unguarded}. ${WHICH_GUARD}`]);
  });

  test('tells that DpopProofGuard verifies no access token', () => {
    expect(describeUnguarded(resources({ withoutToken: ['A.one', 'B.two'] }), true)).toEqual([
      'DpopProofGuard verifies no access token, and these decorators need one: A.one, B.two. ' +
        'A resource needs @UseGuards(DpopGuard) instead. On an endpoint of the authorization server remove them: @DpopBound() without a key hands over the key of the proof',
    ]);
  });

  test('is one sentence a kind', () => {
    const names = ['A.one', 'B.two'];
    const found = { unguarded: names, withoutToken: names, unguardedMessages: names, hooks: names };
    expect(describeUnguarded(resources(found), false)).toEqual([
      unguarded,
      expect.stringContaining('DpopProofGuard verifies no access token'),
      expect.stringMatching(/^No DpopGuard covers these messages of gateways, .*: A\.one, B\.two\. Add/),
      expect.stringMatching(/^Nest runs no guard for these hooks of gateways, .*: A\.one, B\.two\. Move/),
    ]);
  });
});

describe('what is said of @DpopProof without DpopProofGuard, in an app without an authorization server (G7)', () => {
  test('is what to do about each handler', () => {
    expect(describeUnenforcedProofs(endpoints({ unenforced: ['A.one', 'B.two'] }))).toEqual([
      'Only DpopProofGuard enforces @DpopProof, and it does not cover these handlers: A.one, B.two. ' +
        'Use @Dpop on a resource. An endpoint of an authorization server needs DpopAuthorizationServerModule and @UseGuards(DpopProofGuard)',
    ]);
  });

  test('is nothing where there is none', () => {
    expect(describeUnenforcedProofs(endpoints({ unguarded: ['A.one (@DpopBound)'] }))).toStrictEqual([]);
  });
});

describe('what is said of endpoints of an authorization server without a guard (G7, I2)', () => {
  const survey = endpoints({ unguarded: ['A.one', 'B.two'] });
  const none = 'No guard covers these handlers, and their decorators enforce nothing: A.one, B.two. ';

  test('is nothing where there are none, with DpopModule or without it', () => {
    expect(describeUnguardedEndpoints(endpoints({}), undefined)).toStrictEqual([]);
    expect(describeUnguardedEndpoints(endpoints({}), resources({}))).toStrictEqual([]);
  });

  test('names the only guard of an app without DpopModule, and both of another one', () => {
    expect(describeUnguardedEndpoints(survey, resources({}))).toEqual([
      `${none}Add @UseGuards(DpopProofGuard)`,
    ]);
    expect(describeUnguardedEndpoints(survey, undefined)).toEqual([
      `${none}Add @UseGuards with the right guard. ${WHICH_GUARD}`,
    ]);
  });

  test('tells which decorators nothing enforces without DpopModule', () => {
    const found = resources({
      unguarded: ['another survey names it'],
      withoutToken: ['A.one', 'B.two'],
      unguardedMessages: ['C.three'],
      hooks: ['D.four'],
    });
    const text =
      'Only DpopGuard enforces these decorators, and an app without DpopModule does not have it: A.one, B.two, C.three, D.four. ' +
      'Import DpopModule.forRoot, and add @UseGuards(DpopGuard) to a resource. Remove them from an endpoint of the authorization server: it takes no access token';
    expect(describeUnguardedEndpoints(endpoints({}), found)).toEqual([text]);
    expect(describeUnguardedEndpoints(survey, found)).toEqual([text, expect.stringMatching(/^No guard/)]);
  });
});
