import { createRemoteJWKSet, type JWTVerifyGetKey } from 'jose';
import * as oauth from 'oauth4webapi';

// Deprecated so that it stands out; here all is plain http on loopback.
// oxlint-disable-next-line typescript/no-deprecated
const PLAIN_HTTP = { [oauth.allowInsecureRequests]: true };

/** The keys of an issuer, by its metadata. */
export async function findKeys(issuer: string): Promise<JWTVerifyGetKey> {
  const identifier = new URL(issuer);
  const response = await oauth.discoveryRequest(identifier, PLAIN_HTTP);
  const { jwks_uri: url = '' } = await oauth.processDiscoveryResponse(identifier, response);
  return createRemoteJWKSet(new URL(url));
}
