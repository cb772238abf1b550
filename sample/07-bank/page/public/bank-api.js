import * as oauth from './vendor/index.js';
import { PLAIN_HTTP, withNonce } from './authorization-server.js';
import { BANKS } from './config.js';
import { readToken } from './session.js';
import { fetchAs } from './wire.js';

/** The user has to log in again: `stepUp` says how. */
export class StepUpRequired extends Error {
  constructor({ acr_values, max_age }) {
    super('The bank asks for a second factor.');
    this.stepUp = { prompt: 'login', acr_values, max_age };
  }
}

/** A refused request. `status` is that of the response, `code` the one of its challenge. */
export class Refused extends Error {
  constructor(status, sentence, code) {
    super(sentence);
    this.status = status;
    this.code = code;
  }
}

/** Calls a route of the bank with the token, and for the bank with DPoP with a fresh proof. */
export async function callBank(bank, dpop, method, path, body) {
  const send = () => request(bank, method, path, body, dpop, fetchAs('page'));
  try {
    const response = await withNonce(send);
    if (!response.ok) throw new Refused(response.status, (await response.json()).message);
    return await response.json();
  } catch (error) {
    if (!(error instanceof oauth.WWWAuthenticateChallengeError)) throw error;
    const [{ parameters }] = error.cause;
    if (parameters.error === 'insufficient_user_authentication') throw new StepUpRequired(parameters);
    throw new Refused(error.status, parameters.error_description, parameters.error);
  }
}

/** A request that is signed but never leaves: someone on the way has taken it. */
export async function interceptProof(bank, dpop, path) {
  let proof;
  const intercept = async (_url, { headers }) => {
    proof = new Headers(headers).get('dpop');
    return new Response();
  };
  await request(bank, 'GET', path, undefined, dpop, intercept);
  return proof;
}

async function request(bank, method, path, body, dpop, send) {
  return await oauth.protectedResourceRequest(
    readToken(bank)?.value ?? '',
    method,
    new URL(path, BANKS[bank].api),
    new Headers(body && { 'content-type': 'application/json' }),
    body && JSON.stringify(body),
    { ...PLAIN_HTTP, ...(bank === 'dpop' && { DPoP: dpop }), [oauth.customFetch]: send },
  );
}
