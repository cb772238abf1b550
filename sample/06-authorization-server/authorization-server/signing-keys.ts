import { Injectable, type OnModuleInit } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { createLocalJWKSet, type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose';

export const SIGNING_ALGORITHM = 'ES256';

interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

/**
 * The keys that sign access tokens: the former, the current and the next one. The next key is published before it signs, so
 * that no API meets a token of a key that it has not fetched.
 */
@Injectable()
export class SigningKeys implements OnModuleInit {
  #former: SigningKey | undefined;
  #current: SigningKey | undefined;
  #next: SigningKey | undefined;

  async onModuleInit(): Promise<void> {
    this.#current = await createKey();
    this.#next = await createKey();
  }

  get current(): SigningKey {
    if (this.#current === undefined) throw new Error('the server has not started');
    return this.#current;
  }

  /** The public keys. */
  get jwks(): { keys: JWK[] } {
    const keys = [this.#former, this.#current, this.#next].filter((key) => key !== undefined);
    return { keys: keys.map(({ publicJwk }) => publicJwk) };
  }

  get verificationKeys(): ReturnType<typeof createLocalJWKSet> {
    return createLocalJWKSet(this.jwks);
  }

  /** From now on the next key signs. Tokens of the former one stay valid until the next rotation. */
  async rotate(): Promise<void> {
    this.#former = this.#current;
    this.#current = this.#next;
    this.#next = await createKey();
  }
}

async function createKey(): Promise<SigningKey> {
  const kid = randomUUID();
  const { privateKey, publicKey } = await generateKeyPair(SIGNING_ALGORITHM);
  const publicJwk = { ...(await exportJWK(publicKey)), kid, alg: SIGNING_ALGORITHM, use: 'sig' };
  return { kid, privateKey, publicJwk };
}
