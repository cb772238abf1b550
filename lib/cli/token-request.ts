import { discoverEndpoint } from '../issuer/issuer-metadata.js';
import { isJsonObject, type JsonObject } from '../jws/json-object.js';
import type { Clock } from '../runtime/clock.js';
import { UnreachableError } from './outcome.js';
import { show } from './finding.js';
import type { SigningKey } from './key-file.js';
import { type Answer, fetchFromIssuer, send } from './outgoing.js';
import { createProof } from './proof-maker.js';

/** A request for a token with the client credentials grant (RFC 6749 §4.4). */
export interface TokenRequest {
  readonly tokenEndpoint: URL;
  readonly key: SigningKey;
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | undefined;
  readonly scope?: string | undefined;
  /** RFC 8707; sent as `audience`, too, for providers that know only that. */
  readonly audience?: string | undefined;
}

/** Requests a token that is bound to a key. Answers a demand for a nonce. @throws UnreachableError */
export async function requestToken(request: TokenRequest, clock: Clock): Promise<string> {
  const first = await sendOnce(request, undefined, clock);
  const nonce = first.headers.get('dpop-nonce') ?? undefined;
  const isDemand = first.status === 400 || first.status === 401;
  const answer =
    isDemand && nonce !== undefined && documentOf(first)['error'] === 'use_dpop_nonce'
      ? await sendOnce(request, nonce, clock)
      : first;
  return tokenIn(answer, request.tokenEndpoint);
}

async function sendOnce(
  { tokenEndpoint, key, clientId, clientSecret, scope, audience }: TokenRequest,
  nonce: string | undefined,
  clock: Clock,
): Promise<Answer> {
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (scope !== undefined) form.set('scope', scope);
  if (audience !== undefined) form.set(URL.canParse(audience) ? 'resource' : 'audience', audience);
  const headers = new Headers({ accept: 'application/json' });
  headers.set('dpop', await createProof(key, { method: 'POST', url: tokenEndpoint, nonce }, clock()));
  if (clientId !== undefined && clientSecret !== undefined) {
    // RFC 6749 §2.3.1: both are form-encoded before they are joined.
    const pair = [clientId, clientSecret].map((text) =>
      new URLSearchParams({ '': text }).toString().slice(1),
    );
    headers.set('authorization', `Basic ${Buffer.from(pair.join(':')).toString('base64')}`);
  } else if (clientId !== undefined) form.set('client_id', clientId);
  return await send(tokenEndpoint, { method: 'POST', headers, body: form });
}

function tokenIn(answer: Answer, { href }: URL): string {
  const { access_token: token, token_type: type, error, error_description: description } = documentOf(answer);
  if (answer.status !== 200 || typeof token !== 'string') {
    const words = [error, description].filter((word) => word !== undefined).map(show);
    throw new UnreachableError(
      `the token endpoint ${href} refused: status ${answer.status}${words.length === 0 ? '' : `, ${words.join(': ')}`}`,
    );
  }
  if (typeof type === 'string' && type.toLowerCase() === 'dpop') return token;
  throw new UnreachableError(
    `the token endpoint ${href} issued a token of the type ${show(type)}, which is not bound to the key: enable DPoP for the client at the issuer`,
  );
}

function documentOf({ body }: Answer): JsonObject {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString());
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** The token endpoint of an issuer, from its metadata. @throws UnreachableError */
export async function findTokenEndpoint(issuer: string): Promise<URL> {
  const endpoint = await fetchFromIssuer((signal) => discoverEndpoint(issuer, 'token_endpoint', signal));
  if (URL.canParse(endpoint)) return new URL(endpoint);
  throw new UnreachableError(`the issuer ${issuer} names a token_endpoint that is no URL`);
}
