/** The scopes of the bank. */
export const SCOPES = ['account', 'transfer'] as const;

/** The thief has an account at the authorization server, too: nobody is kept from having one. */
export const THIEF = { id: 'thief', secret: 'secret-of-the-thief' } as const;

/** The two clients of the page and the thief's own one. */
export function clientsOf(page: string): readonly Readonly<Record<string, unknown>>[] {
  const browser = {
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
    response_types: ['code'],
    redirect_uris: [`${page}/`],
    application_type: 'web',
  };
  return [
    // The server issues only bound tokens to this client (§5.2).
    { ...browser, client_id: 'bank-page', dpop_bound_access_tokens: true },
    { ...browser, client_id: 'bank-page-bearer' },
    {
      client_id: THIEF.id,
      client_secret: THIEF.secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      dpop_bound_access_tokens: true,
    },
  ];
}
