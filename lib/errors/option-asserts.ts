import { inspect } from 'node:util';

/** Asserts for single options. Each throws a `TypeError` that names the option and the accepted form. */

/** @param given the value to show, cut to length; left out if it may be a secret or does not help */
export function fail(option: string, accepted: string, given?: { readonly value: unknown }): never {
  throw new TypeError(
    `${option} must be ${accepted}${given === undefined ? '' : `; it is ${describeValue(given.value)}`}`,
  );
}

const MAX_SHOWN_LENGTH = 120;
const USER_INFO = /\/\/[^/@\s]*@/g;

function describeValue(value: unknown): string {
  const text =
    typeof value === 'string' ? JSON.stringify(value) : inspect(value, { depth: 1, breakLength: Infinity });
  const shown = text.replaceAll(USER_INFO, '//…@');
  return shown.length <= MAX_SHOWN_LENGTH ? shown : `${shown.slice(0, MAX_SHOWN_LENGTH)}…`;
}

/** Only the kind of what is no object: the value itself may contain a secret, such as a URL with a password. */
function describeKind(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}

export function assertObject(
  value: unknown,
  option: string,
  accepted = 'an object',
): asserts value is Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw new TypeError(`${option} must be ${accepted}; it is ${describeKind(value)}`);
}

/** Refuses unknown names: a misspelt option would silently leave its default in force. */
export function assertKnownNames(value: object, option: string, known: readonly string[]): void {
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new TypeError(`${option} has no option ${JSON.stringify(unknown)}; known: ${known.join(', ')}`);
}

export function assertOneOf<T extends string>(
  value: unknown,
  option: string,
  accepted: readonly T[],
): asserts value is T {
  if (!accepted.includes(value as T)) {
    fail(option, accepted.map((item) => `"${item}"`).join(' or '), { value });
  }
}

export function assertInteger(
  value: unknown,
  option: string,
  min: number,
  max: number,
): asserts value is number {
  if (Number.isInteger(value) && Number(value) >= min && Number(value) <= max) return;
  fail(option, `an integer from ${min} to ${max}`, { value });
}

/** Printable ASCII, because the value is written into a header. */
export function assertHeaderText(value: unknown, option: string, accepted: string): asserts value is string {
  if (typeof value !== 'string' || !/^[\x20-\x7e]+$/.test(value)) fail(option, accepted, { value });
}

export function assertStrings(
  value: unknown,
  option: string,
  accepted: string,
): asserts value is readonly string[] {
  const isFilled = Array.isArray(value) && value.length > 0;
  if (!isFilled || !value.every((item) => typeof item === 'string' && item !== '')) {
    fail(option, accepted, { value });
  }
}

export function assertFunction(
  value: unknown,
  option: string,
  accepted: string,
  given?: { readonly value: unknown },
): void {
  if (typeof value !== 'function') fail(option, accepted, given);
}

export function assertBoolean(value: unknown, option: string): asserts value is boolean {
  if (typeof value !== 'boolean') fail(option, 'true or false', { value });
}
