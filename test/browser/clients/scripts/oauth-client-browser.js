import { BrowserOAuthClient } from '@atproto/oauth-client-browser';
import { DID } from '../identity.ts';

export const WHAT_TO_KNOW =
  'Its own key, in IndexedDB. Finds the authorization server by the [metadata](metadata.md) of the API, which is the server of the user (PDS).';

/** One for each opening of the page. */
let restored;

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

/** Redeems the code in the address, or finds the session that is stored. */
export async function redeem() {
  restored ??= (await clientOf()).init();
  await restored;
}

export async function call(_servers, method, path) {
  await redeem();
  const { session } = await restored;
  return await session.fetchHandler(path, { method });
}
