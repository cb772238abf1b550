import { Inject, Injectable } from '@nestjs/common';
import type { DpopConfig } from '../config/dpop-config.js';
import { DPOP_CONFIG } from '../config/injection-tokens.js';

/** The result of an indicator, as @nestjs/terminus expects it. */
export type DpopHealth<Key extends string = string> = Record<
  Key,
  { readonly status: 'up' } | { readonly status: 'down'; readonly message: string }
>;

/**
 * Reports whether storage and revocation checker can be used: a health indicator for @nestjs/terminus. It works without that package too.
 *
 * @example
 * ```ts
 * @Get('health')
 * @HealthCheck()
 * check() {
 *   return this.health.check([() => this.dpop.isHealthy()]);
 * }
 * ```
 */
@Injectable()
export class DpopHealthIndicator {
  constructor(@Inject(DPOP_CONFIG) private readonly config: DpopConfig) {}

  /**
   * Never rejects.
   *
   * @param key the key of the result, default `dpop`
   */
  async isHealthy<const Key extends string = 'dpop'>(key: Key = 'dpop' as Key): Promise<DpopHealth<Key>> {
    const { storage, revocation } = this.config;
    const down = [
      ...((await answers(() => storage.ping?.())) ? [] : ['the storage cannot be reached']),
      ...((await answers(() => revocation?.ping?.())) ? [] : ['the revocation checker cannot say anything']),
    ];
    const health = down.length === 0 ? { status: 'up' } : { status: 'down', message: down.join('; ') };
    return { [key]: health } as DpopHealth<Key>;
  }
}

async function answers(ping: () => unknown): Promise<boolean> {
  try {
    await ping();
    return true;
  } catch {
    return false;
  }
}
