import { expect } from '@jest/globals';
import type { DynamicModule, Type } from '@nestjs/common';
import type { Platform } from './platforms.js';
import { startApp, type StartOptions } from './running-app.js';

/** The message of the TypeError with which an app does not start. */
export async function startFailureOf(
  platform: Platform,
  module: Type | DynamicModule,
  startOptions: StartOptions = {},
): Promise<string> {
  const outcome: unknown = await startApp(platform, module, startOptions).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(TypeError);
  return (outcome as TypeError).message;
}
