import { expect, test } from '@jest/globals';
import { audienceMapper } from '../sample/07-bank/keycloak/client-scopes.js';
import {
  AUTHENTICATION_FLOWS,
  AUTHENTICATOR_CONFIG,
  LEVEL_BY_ACR,
  STEP_UP_FLOW,
} from '../sample/07-bank/keycloak/step-up-flow.js';
import { readDocument } from './documents/snippets.js';

/** The realm for step-up in the documents, as a reader imports it. */
function readRealm(): Readonly<Record<string, unknown>> {
  const [, realm = ''] = /```json\n(.*?)```/s.exec(readDocument('docs/identity-providers.md')) ?? [];
  return JSON.parse(realm) as Readonly<Record<string, unknown>>;
}

test('the realm in the documents has the flow, the levels and the client that the bank is tested with (J2)', () => {
  const realm = readRealm();
  expect(realm).toMatchObject({
    enabled: true,
    attributes: { 'acr.loa.map': JSON.stringify(LEVEL_BY_ACR) },
    browserFlow: STEP_UP_FLOW,
    authenticationFlows: AUTHENTICATION_FLOWS,
    authenticatorConfig: AUTHENTICATOR_CONFIG,
  });
  // With client scopes of its own, a realm lacks the built-in ones, which have the mappers of `acr` and `auth_time`.
  expect(realm).not.toHaveProperty('clientScopes');
  expect(realm['clients']).toMatchObject([
    {
      publicClient: true,
      protocolMappers: [audienceMapper('https://api.example.com')],
      attributes: {
        'dpop.bound.access.tokens': 'true',
        'pkce.code.challenge.method': 'S256',
        'use.refresh.tokens': 'false',
      },
    },
  ]);
});
