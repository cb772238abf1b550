import * as oauth from './vendor/index.js';
import { logInAsThief, PLAIN_HTTP } from './authorization-server.js';
import { config } from './config.js';
import { createKeys } from './key-store.js';
import { fetchAs } from './wire.js';

const send = fetchAs('thief');
let keys;

/** The thief's own key. */
async function createThiefsDpop() {
  keys ??= createKeys();
  return oauth.DPoP({}, await keys);
}

function get(url, scheme, token, proof) {
  const headers = { authorization: `${scheme} ${token}`, ...(proof && { dpop: proof }) };
  return send(url, { headers });
}

/**
 * The thefts. Each gets the loot, `{ api, scheme, token, captured, intercepted, wait }`, and resolves to the response.
 * `scheme` is that of the token: DPoP, or Bearer at the bank without DPoP.
 */
export const THEFTS = {
  /** Moves money: the thief does not stop at reading. */
  bearer: ({ api, token }) =>
    send(`${api}/transfers`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ to: 'Thief', amountCents: 10_000 }),
    }),

  key: async ({ api, token }) => {
    const DPoP = await createThiefsDpop();
    const options = { ...PLAIN_HTTP, DPoP, [oauth.customFetch]: send };
    try {
      return await oauth.protectedResourceRequest(
        token,
        'GET',
        new URL('/account', api),
        null,
        null,
        options,
      );
    } catch (error) {
      return error.response;
    }
  },

  replay: async ({ api, scheme, token, captured }) =>
    await get(`${api}/account`, scheme, token, await captured()),

  url: async ({ api, scheme, token, captured }) =>
    await get(`${api}/statement`, scheme, token, await captured()),

  token: async ({ api, scheme, captured }) => {
    const own = await logInAsThief(await createThiefsDpop(), api);
    return await get(`${api}/account`, scheme, own, await captured());
  },

  later: async ({ api, scheme, token, intercepted, wait }) => {
    // Without DPoP there is no proof that could grow too old.
    if (intercepted.proof !== undefined)
      await wait(intercepted.atMs + (config.maxProofAgeSeconds + 2) * 1000);
    return await get(`${api}/account`, scheme, token, intercepted.proof);
  },
};
