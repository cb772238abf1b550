import { SERVER_SCRIPT } from './claim-scripts.js';
import type { RedisConnection } from './redis-connection.js';
import { describeFailure, isPermanent } from './redis-failure.js';
import { EVICTION_SCRIPT, PROBE_SCRIPT } from './setup-scripts.js';

/**
 * Checks Redis at start and warns the operator about what is wrong. A problem that may pass, or that the operator can
 * solve in Redis, does not keep the service from starting: Redis is down, refuses the password, or denies a command.
 *
 * @throws Error when Redis hides its replication id
 */
export async function inspectRedis(
  connection: RedisConnection,
  keyPrefix: string,
  warn: (text: string) => void,
): Promise<void> {
  const key = `${keyPrefix}{0}:probe`;
  try {
    const denied = String(await connection.evaluate(PROBE_SCRIPT, [key], []));
    if (denied !== '') {
      // A claim needs some commands only after a loss, or to remove expired slices.
      warn(
        `Redis denies commands to its ACL user: allow ${denied} on the keys ${keyPrefix}*; until then, the service answers 503 to each request that needs one of them, which may begin minutes after the start`,
      );
      return;
    }
    await connection.evaluate(SERVER_SCRIPT, [key], []);
    const policy = await connection.evaluate(EVICTION_SCRIPT, [key], []);
    if (typeof policy === 'string' && policy !== 'noeviction') {
      warn(
        `Redis drops records when its memory is full (maxmemory-policy ${policy}), and the service then challenges all clients again: set maxmemory-policy noeviction`,
      );
    }
  } catch (error) {
    const { advice } = describeFailure(error);
    if (isPermanent(error)) throw new Error(advice, { cause: error });
    warn(`${advice}; until this is solved, the service answers 503 to requests that need Redis`);
  }
}
