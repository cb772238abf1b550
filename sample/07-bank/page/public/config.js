/** Where the servers are: `{ issuer, api, plainApi, maxProofAgeSeconds }`. */
export const config = await (await fetch('/config.json')).json();

/** The two banks. Each has a client of its own at the authorization server. */
export const BANKS = {
  dpop: { api: config.api, clientId: 'bank-page' },
  bearer: { api: config.plainApi, clientId: 'bank-page-bearer' },
};
