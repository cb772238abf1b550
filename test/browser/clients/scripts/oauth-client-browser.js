import { BrowserOAuthClient } from '@atproto/oauth-client-browser';
import { DID } from '../identity.ts';

export const WHAT_TO_KNOW =
  'Its own key, in IndexedDB. Finds the authorization server by the [metadata](metadata.md) of the API, which is the server of the user (PDS).';

let session;

async function clientOf() {
  return await BrowserOAuthClient.load({
    clientId: `${location.origin}/client-metadata.json`,
    handleResolver: location.origin,
    plcDirectoryUrl: location.origin,
  });
}

export async function logIn() {
  await (await clientOf()).signInRedirect(DID);
}

export async function redeem() {
  ({ session } = await (await clientOf()).init());
}

export async function call(_servers, method, path) {
  return await session.fetchHandler(path, { method });
}
