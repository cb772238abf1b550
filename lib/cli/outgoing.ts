import { OutboundError } from '../outbound/outbound-request.js';
import { show } from './finding.js';
import { UnreachableError } from './outcome.js';

const TIMEOUT_MS = 30_000;

/** A response with its body, and the times around it. */
export interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** How far the clock of the server is ahead of this machine, in seconds; `undefined` without `Date`. */
  readonly clockAheadSeconds: number | undefined;
}

/** Sends one request, without following a redirect: a proof is for one URL. @throws UnreachableError */
export async function send(url: URL, init: RequestInit): Promise<Answer> {
  const sentMs = Date.now();
  try {
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const middleMs = (sentMs + Date.now()) / 2;
    const { status, statusText, headers } = response;
    const body = new Uint8Array(await response.arrayBuffer());
    return { status, statusText, headers, body, clockAheadSeconds: aheadOf(headers.get('date'), middleMs) };
  } catch (error) {
    throw new UnreachableError(`${url.origin} cannot be reached (${reasonOf(error)})`);
  }
}

/** Reads something of an issuer. @throws UnreachableError */
export async function fetchFromIssuer<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  try {
    return await work(AbortSignal.timeout(TIMEOUT_MS));
  } catch (error) {
    throw new UnreachableError(error instanceof OutboundError ? error.message : reasonOf(error));
  }
}

/** `Date` has whole seconds: the middle of that second is compared. */
function aheadOf(date: string | null, middleMs: number): number | undefined {
  const dateMs = Date.parse(date ?? '');
  return Number.isNaN(dateMs) ? undefined : (dateMs + 500 - middleMs) / 1000;
}

/** The code of Node or undici, such as ECONNREFUSED, or what else is said. */
export function reasonOf(error: unknown): string {
  const { cause, name } = error as { readonly cause?: unknown; readonly name?: string };
  if (name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} s`;
  const { errors } = (cause ?? {}) as { readonly errors?: readonly unknown[] };
  const origin = (errors?.[0] ?? cause ?? error) as { readonly code?: unknown; readonly message?: unknown };
  return show(origin.code ?? origin.message ?? 'unknown error');
}
