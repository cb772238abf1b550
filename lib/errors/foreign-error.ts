import { getSystemErrorMap, types } from 'node:util';

/**
 * Describes an error of another library for the log. Its message, and any member that code can assign, may contain what a
 * client sent. The description therefore has the class from the prototype, a `name` or `code` from a closed list, and
 * the file and line from the stack. Names of functions are left out, because they may be keys that a client chose.
 */

const MAX_CAUSES = 4;

/** An error and its causes, the outermost first. */
export function describeThrown(thrown: unknown): readonly string[] {
  const descriptions: string[] = [];
  let value = thrown;
  do {
    descriptions.push(describeOne(value));
    value = isError(value) ? read(value, 'cause') : undefined;
  } while (value !== undefined && descriptions.length < MAX_CAUSES);
  return descriptions;
}

function describeOne(value: unknown): string {
  if (!isError(value)) return `${typeof value} thrown, not an error`;
  const place = placeOf(value);
  return [nameOf(value), codeOf(value), place && `at ${place}`].filter(Boolean).join(' ');
}

const { toString } = Object.prototype;

/** Accepts errors of another realm, and refuses proxies. */
function isError(value: unknown): value is Error {
  if (types.isProxy(value)) return false;
  try {
    return (
      types.isNativeError(value) || value instanceof Error || toString.call(value) === '[object DOMException]'
    );
  } catch {
    return false;
  }
}

/** A getter may throw. */
function read(value: object, key: string): unknown {
  try {
    return (value as Readonly<Record<string, unknown>>)[key];
  } catch {
    return undefined;
  }
}

/** Names that libraries assign to errors of a general class. */
const KNOWN_NAMES = new Set([
  'AbortError',
  'TimeoutError',
  'NotSupportedError',
  'OperationError',
  'DataError',
]);
const CLASS_NAME = /^[A-Za-z_$][\w$]{0,63}$/;

function nameOf(error: Error): string {
  const name = read(error, 'name');
  return typeof name === 'string' && KNOWN_NAMES.has(name) ? name : classOf(error);
}

/** The name from the class itself: `name` and an own `constructor` can be assigned. */
function classOf(error: Error): string {
  try {
    let prototype: unknown = Object.getPrototypeOf(error);
    while (typeof prototype === 'object' && prototype !== null && !types.isProxy(prototype)) {
      const constructor: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
      const name: unknown =
        typeof constructor === 'function' && !types.isProxy(constructor)
          ? Object.getOwnPropertyDescriptor(constructor, 'name')?.value
          : undefined;
      if (typeof name === 'string' && CLASS_NAME.test(name)) return name;
      prototype = Object.getPrototypeOf(prototype);
    }
  } catch {
    // An object that throws here has no name that is safe to log.
  }
  return 'an error';
}

const KNOWN_CODES = new Set([
  ...[...getSystemErrorMap().values()].map(([name]) => name),
  // DNS
  ...['ENOTFOUND', 'ETIMEOUT', 'ESERVFAIL', 'EREFUSED'],
  // TLS
  ...['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'CERT_REVOKED', 'CERT_UNTRUSTED', 'CERT_REJECTED'],
  ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_GET_ISSUER_CERT'],
  ...['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'HOSTNAME_MISMATCH'],
]);
/** Codes of Node, OpenSSL, jose and undici. */
const LIBRARY_CODE = /^(?:ERR|UND_ERR)_[A-Z\d_]{1,60}$/;
/** The first words of error replies of Redis. */
const REDIS_CODES = new Set([
  ...[
    'NOAUTH',
    'WRONGPASS',
    'NOPERM',
    'READONLY',
    'OOM',
    'LOADING',
    'MISCONF',
    'BUSY',
    'NOSCRIPT',
    'EXECABORT',
  ],
  ...[
    'CLUSTERDOWN',
    'MASTERDOWN',
    'NOREPLICAS',
    'TRYAGAIN',
    'CROSSSLOT',
    'MOVED',
    'ASK',
    'WRONGTYPE',
    'UNBLOCKED',
  ],
]);

function codeOf(error: Error): string | undefined {
  const code = read(error, 'code');
  if (typeof code === 'string' && (KNOWN_CODES.has(code) || LIBRARY_CODE.test(code))) return code;
  const message = read(error, 'message');
  if (classOf(error) !== 'ReplyError' || typeof message !== 'string') return undefined;
  const [word = ''] = message.split(' ', 1);
  return REDIS_CODES.has(word) ? word : undefined;
}

const FRAME = '\n    at ';
const LOCATION = String.raw`(?:file:\/\/|node:|\/|[A-Za-z]:[\\/])[^()?#\x00-\x1f]{1,300}:\d{1,9}:\d{1,9}`;
const FRAME_WITH_LOCATION = new RegExp(String.raw`^    at (?:(?:async )?(${LOCATION})|.*\((${LOCATION})\))$`);
const MAX_FRAME_LENGTH = 1024;

/** File, line and column of the first frame. The message stands before the frames, and its lines may look like frames. */
function placeOf(error: Error): string | undefined {
  const stack = read(error, 'stack');
  const message = read(error, 'message');
  if (typeof stack !== 'string' || typeof message !== 'string') return undefined;
  const start = stack.indexOf(message + FRAME);
  if (start === -1) return undefined;
  // The stack still has a message that was emptied later.
  if (message === '' && stack.slice(0, start).includes(':')) return undefined;
  const frames = start + message.length + 1;
  const [line = ''] = stack.slice(frames, frames + MAX_FRAME_LENGTH).split('\n', 1);
  const [, bare, inParentheses] = FRAME_WITH_LOCATION.exec(line) ?? [];
  return bare ?? inParentheses;
}
