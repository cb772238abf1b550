/** The client of all libraries but one, at the authorization server. */
export const CLIENT_ID = 'page';

/** A public client of the page, which gets bound tokens only (§5.2). */
export function publicClient(page: string): Readonly<Record<string, unknown>> {
  return {
    client_id: CLIENT_ID,
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
    response_types: ['code'],
    redirect_uris: [`${page}/`],
    application_type: 'web',
    dpop_bound_access_tokens: true,
  };
}

/** A client of atproto registers nowhere: its id is the URL of this document, which the authorization server fetches. */
export function metadataDocument(page: string): Readonly<Record<string, unknown>> {
  return {
    ...publicClient(page),
    client_id: `${page}/client-metadata.json`,
    client_name: 'Test bed',
    client_uri: page,
    scope: 'atproto',
  };
}
