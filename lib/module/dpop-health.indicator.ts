import { Inject, Injectable } from '@nestjs/common';
import type { DpopConfig } from '../config/dpop-config.js';
import { DPOP_CONFIG } from '../config/injection-tokens.js';

/** What @nestjs/terminus takes for the result of an indicator. */
export type DpopHealth<Key extends string = string> = Record<
  Key,
  { readonly status: 'up' } | { readonly status: 'down'; readonly message: string }
>;

/**
 * Whether requests can be verified at the moment, as far as the storage is concerned: an indicator for
 * @nestjs/terminus, which is not needed for it.
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

  /** @param key under which the result stands */
  async isHealthy<const Key extends string = 'dpop'>(key: Key = 'dpop' as Key): Promise<DpopHealth<Key>> {
    try {
      await this.config.storage.ping?.();
      return { [key]: { status: 'up' } } as DpopHealth<Key>;
    } catch {
      return { [key]: { status: 'down', message: 'the storage cannot be reached' } } as DpopHealth<Key>;
    }
  }
}
