import { assertInteger, assertKnownNames, assertObject } from '../errors/option-asserts.js';
import type { DenyListOptions } from './deny-list.js';

/** Longer than any access token should live: entries that are kept for as long fill the memory of all instances. */
const MAX_LIFETIME_SECONDS = 366 * 86_400;
const DEFAULT_MAX_ENTRIES = 100_000;

/**
 * The options that all deny-lists have, with their defaults.
 *
 * @param name of the deny-list
 * @param others the names of its further options
 * @throws TypeError that names the option and the accepted form
 */
export function parseDenyListOptions(
  options: unknown,
  name: string,
  others: readonly string[],
): Required<DenyListOptions> {
  assertObject(options, `${name} options`, 'an object with maxTokenLifetimeSeconds');
  assertKnownNames(options, `${name} options`, ['maxTokenLifetimeSeconds', 'maxEntries', ...others]);
  const { maxTokenLifetimeSeconds, maxEntries = DEFAULT_MAX_ENTRIES } = options;
  assertInteger(maxTokenLifetimeSeconds, 'maxTokenLifetimeSeconds', 1, MAX_LIFETIME_SECONDS);
  assertInteger(maxEntries, 'maxEntries', 1, 10_000_000);
  return { maxTokenLifetimeSeconds, maxEntries };
}
