import { expect } from '@jest/globals';
import type { TestClient, TestProofOptions } from 'nestjs-dpop/testing';
import { ORIGIN } from './origin.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
  /** The stable code in the body. */
  readonly code: string | undefined;
  readonly challenge: string | null;
  readonly nonce: string | null;
  readonly retryAfter: string | null;
}

export interface Call extends Partial<Omit<TestProofOptions, 'token' | 'url'>> {
  readonly path?: string;
  readonly token?: string;
  /** A proof made before, to be sent again. */
  readonly proof?: string;
  /** What is signed before the path, default `ORIGIN`. */
  readonly origin?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Sends one request, with a right token and proof if there is a token. Nothing is retried. */
export async function call(
  app: { readonly url: string },
  client: TestClient,
  options: Call = {},
): Promise<Answer> {
  const { path = '/', token, proof, headers, body, method = 'GET' } = options;
  const credentials: Record<string, string> = {};
  if (token !== undefined) {
    credentials['authorization'] = `DPoP ${token}`;
    credentials['dpop'] = proof ?? (await proofFor(client, options));
  }
  return await send(app.url + path, {
    method,
    headers: {
      ...credentials,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

/** The proof that `call` would send. */
export function proofFor(
  client: TestClient,
  { method = 'GET', path = '/', ...options }: Call,
): Promise<string> {
  const { token, nonce, claims, header, origin = ORIGIN } = options;
  return client.createProof({
    method,
    url: origin + path,
    ...(token !== undefined && { token }),
    ...(nonce !== undefined && { nonce }),
    ...(claims !== undefined && { claims }),
    ...(header !== undefined && { header }),
  });
}

export async function send(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  const body: unknown = parse(text);
  const code: unknown = (body as { code?: unknown } | null)?.code;
  return {
    status: response.status,
    headers: response.headers,
    body,
    code: typeof code === 'string' ? code : undefined,
    challenge: response.headers.get('www-authenticate'),
    nonce: response.headers.get('dpop-nonce'),
    retryAfter: response.headers.get('retry-after'),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A service failure as the contract has it (D8): 503, when to come back, no challenge. */
export const UNAVAILABLE = {
  status: 503,
  code: 'temporarily_unavailable',
  challenge: null,
  nonce: null,
  retryAfter: expect.stringMatching(/^[1-9]\d*$/) as unknown,
};
