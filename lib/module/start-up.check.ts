import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import type { DpopConfig } from '../config/dpop-config.js';
import { DPOP_CONFIG } from '../config/injection-tokens.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import { type ContainerModule, registrationsIn } from './container.js';
import { assertGlobalGuardsMade, GuardCoverage } from './guard-coverage.js';
import { assertRegistrations, assertStatic } from './registrations.js';
import { surveyRoutes } from './route-survey.js';

/**
 * Ends the start of an app that could not be protected as it says. It injects what Nest itself provides and nothing
 * else: whatever is wrong with the options, this is made, once, and asked.
 */
@Injectable()
export class StartUpCheck implements OnModuleInit {
  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ApplicationConfig) private readonly application: ApplicationConfig,
    @Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost,
  ) {
    assertRegistrations(modules);
  }

  /** @throws TypeError for routes that are not protected as they say */
  onModuleInit(): void {
    assertStatic(this.modules);
    assertGlobalGuardsMade(this.modules);
    const registrations = registrationsIn(this.modules);
    // Several registrations have one app to look over.
    if (registrations[0]?.providers.get(StartUpCheck)?.instance !== this) return;
    // A context without a server has no routes, and main.ts may bind the guard to servers only.
    if (!this.#hasServer() || registrations.some(isGuardReplaced)) return;
    this.#assertRoutes(registrations.every((module) => configOf(module)?.unguardedRoutes === 'warn'));
  }

  #hasServer(): boolean {
    return Boolean(this.adapterHost.httpAdapter as unknown);
  }

  #assertRoutes(unguardedMayStart: boolean): void {
    const logger = new Logger('DpopModule');
    const coverage = new GuardCoverage(this.modules, this.application);
    const { unguarded, contradictoryClasses, contradictoryHandlers } = surveyRoutes(this.modules, coverage);
    if (contradictoryClasses.length > 0) {
      throw new TypeError(
        `@SkipDpop() must not stand beside a demand on one class: ${contradictoryClasses.join(', ')}. ` +
          'Remove one of them, or move it to the handlers that it is meant for',
      );
    }
    if (contradictoryHandlers.length > 0) {
      logger.warn(
        `@SkipDpop() stands beside a demand, which wins: ${contradictoryHandlers.join(', ')}. Remove one of them`,
      );
    }
    if (unguarded.length === 0) return;
    const text =
      `No DpopGuard covers these handlers, whose decorators demand one: ${unguarded.join(', ')}. ` +
      'Add @UseGuards(DpopGuard) to the handler or its class, or { provide: APP_GUARD, useExisting: DpopGuard } to the providers of a module';
    if (unguardedMayStart) return logger.warn(text);
    throw new TypeError(
      `${text}. Where another guard of yours asks DpopGuard unseen, unguardedRoutes: 'warn' makes this a warning`,
    );
  }
}

/** `overrideGuard` and `overrideProvider` of @nestjs/testing: a test that wants no guard has none. */
function isGuardReplaced({ providers }: ContainerModule): boolean {
  return !(providers.get(DpopGuard)?.instance instanceof DpopGuard);
}

function configOf({ providers }: ContainerModule): DpopConfig | undefined {
  return providers.get(DPOP_CONFIG)?.instance as DpopConfig | undefined;
}
