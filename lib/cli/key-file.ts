import { randomUUID } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import {
  calculateJwkThumbprint,
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
} from 'jose';
import { JWS_ALGORITHMS } from '../jws/algorithms.js';
import { isJsonObject, type JsonObject } from '../jws/json-object.js';
import { isPrivateJwk } from '../jws/private-jwk.js';
import { UsageError } from './outcome.js';
import { codeOf, readFileText } from './input.js';

/** A private key that signs proofs or tokens. */
export interface SigningKey {
  readonly alg: string;
  readonly jkt: string;
  readonly publicJwk: JWK;
  readonly privateKey: CryptoKey;
}

/** @throws UsageError for an algorithm that this Node does not support */
export async function createPrivateJwk(alg: string): Promise<JWK> {
  const accepted = `--alg must be one of ${[...JWS_ALGORITHMS.keys()].join(', ')}`;
  if (!JWS_ALGORITHMS.has(alg)) throw new UsageError(accepted);
  try {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    return { ...(await exportJWK(privateKey)), alg };
  } catch {
    throw new UsageError(`${accepted}; this version of Node does not support ${alg}`);
  }
}

/** @throws UsageError */
export async function importKey(jwk: unknown, where: string): Promise<SigningKey> {
  const form = `${where} must hold a private JWK of an asymmetric signature key, such as nestjs-dpop key makes`;
  if (!isJsonObject(jwk) || !isPrivateJwk(jwk)) throw new UsageError(form);
  const alg = typeof jwk['alg'] === 'string' ? jwk['alg'] : algorithmFor(jwk);
  if (alg === undefined || !JWS_ALGORITHMS.has(alg)) throw new UsageError(form);
  try {
    const privateKey = (await importJWK(jwk as JWK, alg)) as CryptoKey;
    const publicJwk = publicPartOf(jwk);
    return { alg, jkt: await calculateJwkThumbprint(publicJwk), publicJwk, privateKey };
  } catch {
    throw new UsageError(form);
  }
}

/**
 * The key in a file.
 *
 * @param warn called when other users of the machine may read the file
 * @throws UsageError
 */
export async function readKeyFile(file: string, warn: (text: string) => void): Promise<SigningKey> {
  const text = await readFileText(file);
  const { mode } = await stat(file);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    warn(`warning: other users may read ${file}, which holds a private key: chmod 600 ${file}\n`);
  let jwk: unknown;
  try {
    jwk = JSON.parse(text);
  } catch {
    // Not JSON, which `importKey` refuses.
  }
  return await importKey(jwk, file);
}

/**
 * Writes a file that only its owner may read, and never over another file.
 *
 * @returns whether it was written; `false` if there is such a file
 * @throws UsageError
 */
export async function createSecretFile(file: string, text: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.writeFile(text);
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw new UsageError(`cannot write ${file} (${codeOf(error)})`);
  }
}

/** Writes a file that only its owner may read, in place of one that is there. @throws UsageError */
export async function replaceSecretFile(file: string, text: string): Promise<void> {
  const written = `${file}.${randomUUID()}`;
  try {
    // A file that is there may be readable by others; the new one takes its place with its own mode.
    await createSecretFile(written, text);
    await rename(written, file);
  } catch (error) {
    await rm(written, { force: true });
    throw error instanceof UsageError ? error : new UsageError(`cannot write ${file} (${codeOf(error)})`);
  }
}

function publicPartOf({ kty, crv, x, y, n, e, pub, alg }: JsonObject): JWK {
  const members = { kty, crv, x, y, n, e, pub, ...(kty === 'AKP' && { alg }) };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as JWK;
}

/** For a JWK without `alg`: the first algorithm that its kind of key can sign with. */
function algorithmFor({ kty, crv }: Readonly<Record<string, unknown>>): string | undefined {
  return [...JWS_ALGORITHMS].find(([, algorithm]) => algorithm.kty === kty && algorithm.crv === crv)?.[0];
}
