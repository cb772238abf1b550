import type { AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';

/** Behaviour that exists on both platforms is shown on both: `describe.each(PLATFORMS)('… on %s', …)`. */
export const PLATFORMS = ['express', 'fastify'] as const;
export type Platform = (typeof PLATFORMS)[number];

export interface AdapterOptions {
  /** Whether the framework trusts `X-Forwarded-*`. */
  readonly trustProxy?: boolean;
  /** Whether Fastify ends open connections when the app closes; for Express it is an option of the app. */
  readonly forceCloseConnections?: boolean;
}

export function adapterOf(platform: Platform, options: AdapterOptions = {}): AbstractHttpAdapter {
  if (platform === 'fastify') return new FastifyAdapter(options);
  const adapter = new ExpressAdapter();
  if (options.trustProxy !== undefined) adapter.set('trust proxy', options.trustProxy);
  return adapter;
}
