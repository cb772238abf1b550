import { assertInteger, assertObject, fail } from '../errors/option-asserts.js';
import type { RevocationChecker } from '../revocation/revocation.checker.js';

const ACCEPTED =
  'a RevocationChecker, such as new MemoryDenyList({ … }) or the RedisDenyList of nestjs-dpop/redis';

/** @throws TypeError that names the option and the accepted form */
export function parseRevocation(checker: RevocationChecker | undefined): RevocationChecker | undefined {
  if (checker === undefined) return undefined;
  assertObject(checker, 'revocation', ACCEPTED);
  const members: Readonly<Record<string, unknown>> = checker;
  const optional = ['open', 'close', 'ping'].filter((name) => members[name] !== undefined);
  const missing = ['isRevoked', ...optional].filter((name) => typeof members[name] !== 'function');
  if (missing.length > 0) fail('revocation', `${ACCEPTED}; this one lacks the method ${missing.join(', ')}`);
  const { deadlineMs } = checker;
  if (deadlineMs !== undefined) assertInteger(deadlineMs, 'revocation.deadlineMs', 1, 60_000);
  return checker;
}
