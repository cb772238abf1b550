import type { RealmRepresentation } from '../../03-keycloak/keycloak/keycloak-server.js';
import { SCOPES, THIEF } from '../authorization-server/clients.js';
import type { IssuerOptions } from '../authorization-server/running-issuer.js';
import type { Phone } from '../phone/phone.js';
import { audienceMapper, CLIENT_SCOPES } from './client-scopes.js';
import { AUTHENTICATION_FLOWS, AUTHENTICATOR_CONFIG, LEVEL_BY_ACR, STEP_UP_FLOW } from './step-up-flow.js';

/** The user of the demo. */
export const ALICE = { name: 'alice', password: 'wonderland' } as const;

export interface RealmFacts extends Omit<IssuerOptions, 'port'> {
  readonly phone: Phone;
}

/** The realm of the bank. It is written for the run, because the ports are chosen at start. */
export function realmOf({
  page,
  api,
  plainApi,
  tokenLifetimeSeconds,
  phone,
}: RealmFacts): RealmRepresentation {
  const ofPage = {
    publicClient: true,
    redirectUris: [`${page}/`],
    webOrigins: [page],
    defaultClientScopes: ['login'],
    optionalClientScopes: SCOPES,
  };
  // The page asks for no refresh tokens, and gets none.
  const ofBrowser = { 'pkce.code.challenge.method': 'S256', 'use.refresh.tokens': 'false' };
  return {
    realm: 'bank',
    // The head of each login page. Of the texts of these pages, this one may have a link.
    displayNameHtml: `Bank. <a href="${page}/phone" target="_blank">Phone of ${ALICE.name}</a>`,
    enabled: true,
    accessTokenLifespan: tokenLifetimeSeconds,
    attributes: { 'acr.loa.map': JSON.stringify(LEVEL_BY_ACR) },
    clientScopes: CLIENT_SCOPES,
    clients: [
      {
        ...ofPage,
        clientId: 'bank-page',
        protocolMappers: [audienceMapper(api)],
        attributes: { ...ofBrowser, 'dpop.bound.access.tokens': 'true' },
      },
      {
        ...ofPage,
        clientId: 'bank-page-bearer',
        protocolMappers: [audienceMapper(plainApi)],
        attributes: ofBrowser,
      },
      {
        clientId: THIEF.id,
        secret: THIEF.secret,
        serviceAccountsEnabled: true,
        standardFlowEnabled: false,
        // The page of the demo plays the thief, too.
        webOrigins: [page],
        protocolMappers: [audienceMapper(api), { ...audienceMapper(plainApi), name: 'second audience' }],
        defaultClientScopes: ['login'],
        optionalClientScopes: SCOPES,
        attributes: { 'dpop.bound.access.tokens': 'true' },
      },
    ],
    users: [
      {
        // Keycloak writes the id of a user into `sub`. Without one here it makes a UUID.
        id: ALICE.name,
        username: ALICE.name,
        enabled: true,
        firstName: 'Alice',
        lastName: 'Example',
        email: 'alice@example.com',
        credentials: [{ type: 'password', value: ALICE.password }, otpCredentialOf(phone)],
      },
      {
        id: THIEF.id,
        username: `service-account-${THIEF.id}`,
        enabled: true,
        serviceAccountClientId: THIEF.id,
      },
    ],
    browserFlow: STEP_UP_FLOW,
    authenticationFlows: AUTHENTICATION_FLOWS,
    authenticatorConfig: AUTHENTICATOR_CONFIG,
    // What the login pages of Keycloak say.
    internationalizationEnabled: true,
    supportedLocales: ['en'],
    defaultLocale: 'en',
    localizationTexts: {
      en: {
        loginAccountTitle: `Log in as ${ALICE.name}, password ${ALICE.password}`,
        loginOtpOneTime: `The bank asks for a second factor before money moves: the code at ${page}/phone`,
      },
    },
  };
}

function otpCredentialOf({ credential: { secret, parameters } }: Phone): object {
  return {
    type: 'otp',
    userLabel: 'phone',
    secretData: JSON.stringify(secret),
    credentialData: JSON.stringify(parameters),
  };
}
