const IN_ACCESS_TOKEN = { 'access.token.claim': 'true' } as const;

/** A mapper writes claims into tokens. */
export interface Mapper {
  readonly name: string;
  readonly protocol: 'openid-connect';
  readonly protocolMapper: string;
  readonly config: Readonly<Record<string, string>>;
}

/** Puts the URL of an API into `aud` of the access tokens of a client. */
export function audienceMapper(url: string): Mapper {
  return {
    name: 'audience',
    protocol: 'openid-connect',
    protocolMapper: 'oidc-audience-mapper',
    config: { ...IN_ACCESS_TOKEN, 'included.custom.audience': url },
  };
}

/** `sub`, and how and when the user logged in. The built-in scopes `basic` and `acr` of Keycloak have the same mappers. */
const LOGIN_MAPPERS: readonly Mapper[] = [
  {
    name: 'subject',
    protocol: 'openid-connect',
    protocolMapper: 'oidc-sub-mapper',
    config: IN_ACCESS_TOKEN,
  },
  {
    name: 'acr',
    protocol: 'openid-connect',
    protocolMapper: 'oidc-acr-mapper',
    config: { ...IN_ACCESS_TOKEN, 'id.token.claim': 'true' },
  },
  {
    name: 'auth_time',
    protocol: 'openid-connect',
    protocolMapper: 'oidc-usersessionmodel-note-mapper',
    config: {
      ...IN_ACCESS_TOKEN,
      'id.token.claim': 'true',
      'user.session.note': 'AUTH_TIME',
      'claim.name': 'auth_time',
      'jsonType.label': 'long',
    },
  },
];

const scopeOfBank = (name: string, description: string) => ({
  name,
  description,
  protocol: 'openid-connect',
  attributes: { 'include.in.token.scope': 'true' },
});

/** `login` comes with each token; the client asks for the others. */
export const CLIENT_SCOPES = [
  {
    name: 'login',
    description: 'Who logged in, how and when',
    protocol: 'openid-connect',
    attributes: { 'include.in.token.scope': 'false' },
    protocolMappers: LOGIN_MAPPERS,
  },
  scopeOfBank('account', 'Reads the account'),
  scopeOfBank('transfer', 'Moves money'),
] as const;
