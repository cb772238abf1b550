/**
 * Finds the key set of an issuer through its metadata: RFC 8414 first, then OpenID Connect Discovery.
 *
 * @returns the `jwks_uri`
 * @throws Error when neither document is there, or names another issuer
 */
export async function discoverJwksUri(issuer: string, signal: AbortSignal): Promise<string> {
  const refusals: string[] = [];
  for (const location of metadataLocations(issuer)) {
    const response = await fetch(location, {
      signal,
      redirect: 'manual',
      headers: { accept: 'application/json' },
    });
    if (response.status !== 200) {
      refusals.push(`${location.pathname}: status ${response.status}`);
      await response.body?.cancel();
      continue;
    }
    // Some servers answer every path with a page: then the next location may have the document.
    const metadata = (await response.json().catch(() => null)) as {
      issuer?: unknown;
      jwks_uri?: unknown;
    } | null;
    if (metadata === null) refusals.push(`${location.pathname}: no JSON object`);
    // RFC 8414 §3.3: a document that speaks for somebody else must not be used.
    else if (metadata.issuer !== issuer)
      refusals.push(`${location.pathname}: its issuer is not the one configured`);
    else if (typeof metadata.jwks_uri !== 'string') refusals.push(`${location.pathname}: no jwks_uri`);
    else return metadata.jwks_uri;
  }
  throw new Error(`no usable metadata of the issuer ${issuer} (${refusals.join('; ')})`);
}

function metadataLocations(issuer: string): readonly URL[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return [
    new URL(`${origin}/.well-known/oauth-authorization-server${path}`),
    new URL(`${origin}${path}/.well-known/openid-configuration`),
  ];
}
