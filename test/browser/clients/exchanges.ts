import type { IncomingMessage } from 'node:http';
import { calculateJwkThumbprint, decodeProtectedHeader, type JWK } from 'jose';

/** A request with a proof, and what the server answered. */
export interface Exchange {
  readonly path: string;
  readonly status: number;
  /** The error code of the response. */
  readonly error: string | undefined;
  /** The scheme in `Authorization`. */
  readonly scheme: string | undefined;
  /** The thumbprint of the key in the proof. */
  readonly thumbprint: string;
}

type Server = 'issuer' | 'api';

/** What the servers of the test bed were sent, in its order. */
export class Exchanges {
  readonly #recorded: (readonly [Server, Omit<Exchange, 'thumbprint'>, string])[] = [];

  /** Requests without a proof are left out. */
  record(server: Server, request: IncomingMessage, status: number, error: string | undefined): void {
    const { url = '', headers } = request;
    if (typeof headers['dpop'] !== 'string') return;
    const [path = ''] = url.split('?');
    const scheme = headers.authorization?.split(' ')[0];
    this.#recorded.push([server, { path, status, error, scheme }, headers['dpop']]);
  }

  clear(): void {
    this.#recorded.length = 0;
  }

  async with(server: Server): Promise<readonly Exchange[]> {
    const found = this.#recorded.filter(([recorded]) => recorded === server);
    return await Promise.all(
      found.map(async ([, exchange, proof]) => {
        const { jwk } = decodeProtectedHeader(proof);
        return { ...exchange, thumbprint: await calculateJwkThumbprint(jwk as JWK) };
      }),
    );
  }
}
