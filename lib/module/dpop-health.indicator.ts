import { Inject, Injectable } from '@nestjs/common';
import type { DpopConfig } from '../config/dpop-config.js';
import { DPOP_CONFIG } from '../config/injection-tokens.js';

/** The result of an indicator, as @nestjs/terminus expects it. */
export type DpopHealth<Key extends string = string> = Record<
  Key,
  { readonly status: 'up' } | { readonly status: 'down'; readonly message: string }
>;

/**
 * Reports whether the storage can be used: a health indicator for @nestjs/terminus. It works without that package too.
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
    try {
      await this.config.storage.ping?.();
      return { [key]: { status: 'up' } } as DpopHealth<Key>;
    } catch {
      return { [key]: { status: 'down', message: 'the storage cannot be reached' } } as DpopHealth<Key>;
    }
  }
}
