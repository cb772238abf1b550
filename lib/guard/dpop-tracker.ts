import { clientNetworkOf } from '../http/client-network.js';
import { isObject } from '../http/is-object.js';
import { getDpopVerdict } from './get-dpop-verdict.js';

/**
 * Names whom `@nestjs/throttler` counts, for its option `getTracker`: the key that the client has proved to hold, or else the
 * network that the request comes from. `DpopGuard` must run before `ThrottlerGuard`; where it does not, every request counts
 * for its network.
 *
 * @example
 * ```ts
 * // ThrottlerModule.forRoot({ throttlers: [{ ttl: 60_000, limit: 100 }], getTracker: dpopTracker })
 * const tracker = dpopTracker({ ip: '192.0.2.1' });
 * ```
 * @param request of Express or Fastify; its `ip` is that of the client if the framework is told which proxies to trust
 */
export function dpopTracker(request: object): string {
  const jkt = getDpopVerdict(request)?.jkt;
  if (jkt !== undefined) return `dpop:${jkt}`;
  const ip = isObject(request) ? request['ip'] : undefined;
  return `network:${clientNetworkOf(ip) ?? 'unknown'}`;
}
