import type { DpopHttpException } from '../guard/dpop-http.exception.js';
import { createMetadata, type GrpcCall } from './grpc-call.js';

/** The status codes of gRPC. */
const INVALID_ARGUMENT = 3;
const PERMISSION_DENIED = 7;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

/** For what an override of the app throws. Its text is not for clients. */
export const UNKNOWN = Object.freeze({ code: 2, details: 'The call was refused' });

const GRPC_CODE_OF_STATUS: Readonly<Record<number, number>> = {
  400: INVALID_ARGUMENT,
  401: UNAUTHENTICATED,
  403: PERMISSION_DENIED,
};

/** What the client of a refused message reads. */
export interface MessageRefusal {
  readonly status: 'error';
  /** As in the body of an HTTP answer. */
  readonly code: string;
  readonly message: string;
  /** The nonce for the next proof. */
  readonly nonce?: string;
}

/** The refusal of a message of any transport but gRPC. */
export function toMessageRefusal({ extensions, message, headers }: DpopHttpException): MessageRefusal {
  const { 'DPoP-Nonce': nonce } = headers;
  return { status: 'error', code: extensions.code, message, ...(nonce !== undefined && { nonce }) };
}

/** The refusal of a call of gRPC: a status, with challenge and nonce in its metadata. */
export function toGrpcStatus(exception: DpopHttpException, call: GrpcCall): object {
  const { statusCode, extensions, message, headers } = exception;
  const metadata = createMetadata(call);
  for (const name of ['WWW-Authenticate', 'DPoP-Nonce']) {
    const value = headers[name];
    if (value !== undefined) metadata.set(name, value);
  }
  const details = `${extensions.code}: ${message}`;
  return { code: GRPC_CODE_OF_STATUS[statusCode] ?? UNAVAILABLE, details, message: details, metadata };
}
