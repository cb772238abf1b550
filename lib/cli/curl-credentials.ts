import { isSecureBaseUrl } from '../http/base-url.js';
import type { Arguments } from './arguments.js';
import type { Io } from './command.js';
import { UsageError } from './outcome.js';
import { readInput, readProof, readToken } from './input.js';
import { createPrivateJwk, importKey, readKeyFile, replaceSecretFile, type SigningKey } from './key-file.js';
import { findTokenEndpoint, requestToken } from './token-request.js';

/** What a request is sent with. */
export interface CurlCredentials {
  readonly token: string;
  /** A proof of another client, or the key that makes proofs. */
  readonly proof?: string;
  readonly key?: SigningKey;
}

/** The token and the key of the options; a new token, bound to the key, where there is none. @throws UsageError, UnreachableError */
export async function obtainCredentials(args: Arguments, io: Io): Promise<CurlCredentials> {
  const tokenFile = args.text('token-file');
  const proofFile = args.text('proof-file');
  if (tokenFile !== undefined && proofFile !== undefined)
    return { token: await readToken(tokenFile, io), proof: await readProof(proofFile, io) };
  if (proofFile !== undefined)
    throw new UsageError('--proof-file needs the token of that client, --token-file');
  const keyFile = args.text('key');
  if (keyFile === undefined && (tokenFile !== undefined || args.text('save-token') !== undefined))
    throw new UsageError('--key FILE is missing, the key that the token is bound to');
  const key =
    keyFile === undefined
      ? await importKey(await createPrivateJwk('ES256'), 'the new key')
      : await readKeyFile(keyFile, io.stderr);
  if (tokenFile !== undefined) return { key, token: await readToken(tokenFile, io) };
  const token = await requestNewToken(args, key, io);
  const saved = args.text('save-token');
  if (saved !== undefined) await replaceSecretFile(saved, `${token}\n`);
  return { key, token };
}

async function requestNewToken(args: Arguments, key: SigningKey, io: Io): Promise<string> {
  const issuer = args.trustedUrl('issuer');
  const endpoint = args.trustedUrl('token-endpoint');
  if (issuer === undefined && endpoint === undefined)
    throw new UsageError('where is the token? Give --issuer URL, or --token-file FILE with --key FILE');
  const secretFile = args.text('client-secret-file');
  const tokenEndpoint = endpoint === undefined ? await findTokenEndpoint(issuer ?? '') : new URL(endpoint);
  assertSecure(tokenEndpoint, args);
  const request = {
    tokenEndpoint,
    key,
    clientId: args.text('client-id'),
    clientSecret: secretFile === undefined ? undefined : await readInput(secretFile, io),
    scope: args.text('scope'),
    audience: args.text('audience'),
  };
  return await requestToken(request, io.clock);
}

/** An eavesdropper on plain http could read the token. @throws UsageError */
export function assertSecure(url: URL, args: Arguments): void {
  const { origin } = url;
  if (args.flag('allow-insecure-http') || isSecureBaseUrl(origin)) return;
  throw new UsageError(
    `${origin} is plain http beyond this machine: use https, or add --allow-insecure-http`,
  );
}
