import { expect } from '@jest/globals';
import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DpopModule, type DpopModuleOptions } from 'nestjs-dpop';

/** Starts an app, and closes it. */
export function start(dpop: DynamicModule | Type): Promise<unknown> {
  @Module({ imports: [dpop] })
  class AppModule {}

  return NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false }).then(
    async (app) => await app.close(),
  );
}

export const forRoot = (options?: unknown): DynamicModule => DpopModule.forRoot(options as DpopModuleOptions);
export const forRootAsync = (options?: unknown): DynamicModule =>
  DpopModule.forRootAsync(options as Parameters<typeof DpopModule.forRootAsync>[0]);

/** The message of the TypeError that an attempt ends in. */
export async function messageOf(attempt: () => Promise<unknown>): Promise<string> {
  const outcome: unknown = await attempt().catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(TypeError);
  return (outcome as TypeError).message;
}
