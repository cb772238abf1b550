import { isObject } from '../http/is-object.js';

/** The metadata of @grpc/grpc-js, as far as it is used. */
export interface GrpcMetadata {
  get(name: string): readonly unknown[];
  set(name: string, value: string): void;
}

/** A call of @grpc/grpc-js on the side of the server, as far as it is used. */
export interface GrpcCall {
  readonly metadata: GrpcMetadata;
  /** `/package.Service/Method` */
  getPath(): string;
  emit(event: string, value?: unknown): boolean;
  once(event: string, listener: () => void): unknown;
}

const FIELDS = ['authorization', 'dpop'] as const;

/** The call among the arguments of a handler. A message of a client has no functions. */
export function grpcCallOf(args: readonly unknown[]): GrpcCall | undefined {
  return args.find(isGrpcCall);
}

/** The credentials of a call as `rawHeaders`, with each value of a field that has several. */
export function grpcCredentialsOf({ metadata }: GrpcCall): readonly string[] {
  return FIELDS.flatMap((field) => metadata.get(field).flatMap((value) => [field, String(value)]));
}

/** Whether one of both sides sends several messages. */
export function isStream(call: GrpcCall): boolean {
  return typeof (call as { readonly pipe?: unknown }).pipe === 'function';
}

/** Empty metadata of the same package as those of the call. */
export function createMetadata({ metadata }: GrpcCall): GrpcMetadata {
  const { constructor } = metadata as { readonly constructor: unknown };
  return new (constructor as new () => GrpcMetadata)();
}

/** What a handler of `@GrpcStreamCall` gets: the call, and the way to answer if the answer is one message. */
export interface OwnCall {
  readonly call: GrpcCall;
  readonly answer: ((status: object) => void) | undefined;
}

/**
 * The call of a handler that reads and writes the stream by itself. When a guard throws there, Nest leaves the call open
 * and the rejection unhandled, which ends the process.
 */
export function ownCallOf([call, answer]: readonly unknown[]): OwnCall | undefined {
  if (!isGrpcCall(call)) return undefined;
  return { call, answer: typeof answer === 'function' ? (answer as (status: object) => void) : undefined };
}

/** Ends a stream with a status. Nest ends the handler's observable when the call is cancelled. */
export function endStream(call: GrpcCall, status: object): void {
  call.emit('error', status);
  call.emit('cancelled', 'cancelled');
}

function isGrpcCall(value: unknown): value is GrpcCall {
  if (!isObject(value)) return false;
  const { metadata, getPath } = value;
  return typeof getPath === 'function' && isObject(metadata) && typeof metadata['get'] === 'function';
}
