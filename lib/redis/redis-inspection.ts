import { SERVER_SCRIPT } from './claim-scripts.js';
import type { RedisConnection } from './redis-connection.js';
import { describeFailure, isHopeless } from './redis-failure.js';
import { EVICTION_SCRIPT, PROBE_SCRIPT } from './redis-scripts.js';

/**
 * Looks at start whether Redis will do: tells the operator what is wrong, and how to mend it. What may pass or be mended
 * in Redis (it is away, refuses the password, denies a command) does not keep the service from starting: it answers
 * 503 until then.
 *
 * @throws Error for what no waiting mends
 */
export async function inspectRedis(
  connection: RedisConnection,
  keyPrefix: string,
  warn: (text: string) => void,
): Promise<void> {
  const complain = (problem: string) =>
    warn(`${problem}; until that is mended, requests that need Redis are answered with 503`);
  const key = `${keyPrefix}{0}:probe`;
  try {
    const denied = await connection.evaluate(PROBE_SCRIPT, [key], []);
    if (typeof denied === 'string' && denied !== '') {
      complain(`Redis denies its ACL user commands: allow ${denied} on the keys ${keyPrefix}*`);
      return;
    }
    await connection.evaluate(SERVER_SCRIPT, [key], []);
    const policy = await connection.evaluate(EVICTION_SCRIPT, [key], []);
    if (typeof policy === 'string' && policy !== 'noeviction') {
      warn(
        `Redis drops records when its memory is full (maxmemory-policy ${policy}), and clients are challenged anew each time: set maxmemory-policy noeviction`,
      );
    }
  } catch (error) {
    const { advice } = describeFailure(error);
    if (isHopeless(error)) throw new Error(advice, { cause: error });
    complain(advice);
  }
}
