/** The one client that the authorization server knows. A secret in the source is for samples on loopback only. */
export const REGISTERED_CLIENT = { id: 'quickstart-client', secret: 'quickstart-secret' } as const;

/** The scopes that it may ask for. */
export const SCOPES = ['statements:read'] as const;
