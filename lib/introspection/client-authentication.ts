import * as oauth from 'oauth4webapi';
import { assertKnownNames, assertObject, assertOneOf, fail } from '../errors/option-asserts.js';
import type { IntrospectionClient } from './introspection-options.js';
import { type ParsedPrivateKey, parsePrivateKey } from './private-key.js';

/** Authenticates the service at the introspection endpoint. The secret is in a closure, so that no logger prints it. */
export interface ClientAuthentication {
  readonly clientId: string;
  /** The authentication as oauth4webapi applies it. Imports the private key once. */
  ready(): Promise<oauth.ClientAuth>;
}

const CLIENT_FORM =
  'the client of this service at the issuer: { id, secret } or { id, privateKey }, see "Introspection" in the documentation';
const METHODS = ['client_secret_basic', 'client_secret_post'] as const;

/**
 * Parses the option `client`. Errors show neither secret nor key.
 *
 * @throws TypeError
 */
export function parseClient(client: IntrospectionClient, option: string): ClientAuthentication {
  assertObject(client, option, CLIENT_FORM);
  assertKnownNames(client, option, ['id', 'secret', 'method', 'privateKey', 'kid', 'algorithm']);
  const { id, secret, privateKey } = client;
  if (typeof id !== 'string' || id === '')
    fail(`${option}.id`, 'the client_id of this service at the issuer');
  if ((secret === undefined) === (privateKey === undefined)) fail(option, CLIENT_FORM);
  const authenticate =
    secret === undefined ? authenticateByKey(client, id, option) : authenticateBySecret(client, option);
  return { clientId: id, ready: authenticate };
}

function authenticateBySecret(
  client: Readonly<Record<string, unknown>>,
  option: string,
): () => Promise<oauth.ClientAuth> {
  const { secret, method = 'client_secret_basic' } = client;
  if (typeof secret !== 'string' || secret === '') fail(`${option}.secret`, 'the client_secret, a string');
  assertOneOf(method, `${option}.method`, METHODS);
  assertAbsent(client, option, ['kid', 'algorithm'], 'privateKey');
  const authentication =
    method === 'client_secret_post' ? oauth.ClientSecretPost(secret) : oauth.ClientSecretBasic(secret);
  return () => Promise.resolve(authentication);
}

function authenticateByKey(
  client: Readonly<Record<string, unknown>>,
  clientId: string,
  option: string,
): () => Promise<oauth.ClientAuth> {
  assertAbsent(client, option, ['method'], 'secret');
  const parsed = parsePrivateKey(client, option);
  let authentication: Promise<oauth.ClientAuth> | undefined;
  return () => (authentication ??= importAuthentication(parsed, clientId));
}

async function importAuthentication(parsed: ParsedPrivateKey, clientId: string): Promise<oauth.ClientAuth> {
  const { kid, algorithm } = parsed;
  const key = await parsed.import();
  const authenticate = oauth.PrivateKeyJwt(kid === undefined ? key : { key, kid }, {
    [oauth.modifyAssertion]: (header) => {
      // One algorithm with two names (RFC 9864): oauth4webapi uses the newer one.
      if (algorithm === 'EdDSA') header['alg'] = algorithm;
    },
  });
  // A CryptoKey may be of any algorithm and size. A first assertion shows at start whether it can be used.
  await authenticate({ issuer: clientId }, { client_id: clientId }, new URLSearchParams(), new Headers());
  return authenticate;
}

function assertAbsent(
  client: Readonly<Record<string, unknown>>,
  option: string,
  names: readonly string[],
  needed: string,
): void {
  const name = names.find((candidate) => client[candidate] !== undefined);
  if (name !== undefined) fail(`${option}.${name}`, `left out without ${needed}`);
}
