/** The only client of the authorization server. Never put a secret into source code outside a sample. */
export const REGISTERED_CLIENT = { id: 'quickstart-client', secret: 'quickstart-secret' } as const;

/** The scopes that the client may request. */
export const SCOPES = ['statements:read'] as const;
