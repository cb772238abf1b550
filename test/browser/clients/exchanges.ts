import { calculateJwkThumbprint, decodeProtectedHeader, type JWK } from 'jose';
import type { Page, Response } from 'playwright-core';

/** A request with a proof that left the page, and its response. */
export interface Exchange {
  readonly path: string;
  readonly status: number;
  /** The error code of the response. */
  readonly error: string | undefined;
  /** The thumbprint of the key that signed the proof. */
  readonly thumbprint: string;
  readonly scheme: string | undefined;
}

/** Records what the browser exchanges with the servers, whichever library sends it. */
export class Exchanges {
  readonly #pending: Promise<readonly [string, Exchange] | undefined>[] = [];

  constructor(page: Page) {
    page.on('response', (response) => this.#pending.push(read(response)));
  }

  /** All exchanges with this origin, in their order. */
  async with(origin: string): Promise<readonly Exchange[]> {
    const all = await Promise.all(this.#pending);
    return all.flatMap((entry) => (entry !== undefined && entry[0] === origin ? [entry[1]] : []));
  }
}

async function read(response: Response): Promise<readonly [string, Exchange] | undefined> {
  const request = response.request();
  const { dpop, authorization } = await request.allHeaders();
  if (dpop === undefined || request.method() === 'OPTIONS') return undefined;
  const { origin, pathname: path } = new URL(response.url());
  const status = response.status();
  const challenge = (await response.headerValue('www-authenticate')) ?? '';
  const body = status === 400 ? ((await response.json()) as { readonly error?: string }) : {};
  const { jwk } = decodeProtectedHeader(dpop);
  const exchange = {
    path,
    status,
    error: /error="(\w+)"/.exec(challenge)?.[1] ?? body.error,
    thumbprint: await calculateJwkThumbprint(jwk as JWK),
    scheme: authorization?.split(' ')[0],
  };
  return [origin, exchange];
}
