import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { DpopGuard } from '../guard/dpop.guard.js';
import { DpopProofGuard } from '../guard/dpop-proof.guard.js';
import { configOf, type ContainerModule, registrationsIn } from './container.js';
import { assertGlobalGuardsStatic, GuardCoverage } from './guard-coverage.js';
import { assertRegistrations, assertStatic } from './registrations.js';
import { surveyRoutes } from './route-survey.js';

/**
 * Ends the start of an app whose routes would be less protected than their decorators say. It injects only what Nest
 * provides, so that Nest creates it even if the options are wrong.
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

  /** @throws TypeError for routes that are less protected than their decorators say */
  onModuleInit(): void {
    assertStatic(this.modules);
    assertGlobalGuardsStatic(this.modules);
    const registrations = registrationsIn(this.modules);
    // One of several registrations checks the app.
    if (registrations[0]?.providers.get(StartUpCheck)?.instance !== this) return;
    // A context without a server has no routes, and main.ts may bind the guard only to servers.
    if (!this.#hasServer() || registrations.some(isGuardReplaced)) return;
    const configs = registrations.map(configOf);
    this.#assertRoutes(
      configs.every((config) => config?.unguardedRoutes === 'warn'),
      configs.some((config) => config?.forbidsBearer === true),
    );
  }

  #hasServer(): boolean {
    return Boolean(this.adapterHost.httpAdapter as unknown);
  }

  #assertRoutes(mayStartUnguarded: boolean, forbidsBearer: boolean): void {
    const logger = new Logger('DpopModule');
    const coverage = new GuardCoverage(this.modules, this.application);
    const proofCoverage = new GuardCoverage(this.modules, this.application, DpopProofGuard);
    const survey = surveyRoutes(this.modules, coverage, proofCoverage);
    const { unguarded, contradictoryClasses, contradictoryHandlers, bearer, reporting } = survey;
    if (forbidsBearer && bearer.length > 0) {
      throw new TypeError(
        `@Dpop({ bearer: 'allow-unbound' }) must not stand in an app with the option bearer: 'forbid', which fapi2 sets: ${bearer.join(', ')}. ` +
          "Remove it there, or set bearer: 'reject', with which routes may allow Bearer",
      );
    }
    if (forbidsBearer && reporting.length > 0) {
      throw new TypeError(
        `@Dpop({ enforcement: 'report' }) must not stand in an app with the option bearer: 'forbid', which fapi2 sets: ${reporting.join(', ')}. ` +
          "It lets Bearer through. Remove it there, or set bearer: 'reject'",
      );
    }
    if (reporting.length > 0) {
      logger.warn(
        `@Dpop({ enforcement: 'report' }) lets every request through: ${reporting.join(', ')}. Remove it once the log is quiet`,
      );
    }
    if (contradictoryClasses.length > 0) {
      throw new TypeError(
        `@SkipDpop() must not stand beside a decorator that requires a proof on one class: ${contradictoryClasses.join(', ')}. ` +
          'Remove one of them, or move it to the handlers that it is meant for',
      );
    }
    if (contradictoryHandlers.length > 0) {
      logger.warn(
        `@SkipDpop() has no effect beside a decorator that requires a proof: ${contradictoryHandlers.join(', ')}. Remove one of them`,
      );
    }
    if (unguarded.length === 0) return;
    const text =
      `No DpopGuard covers these handlers, and their decorators enforce nothing: ${unguarded.join(', ')}. ` +
      'Add @UseGuards(DpopGuard) to the handler or its class, or { provide: APP_GUARD, useExisting: DpopGuard } to the providers of a module';
    if (mayStartUnguarded) {
      return logger.warn(`${text}. If another guard of the app calls DpopGuard, ignore this warning`);
    }
    throw new TypeError(
      `${text}. If another guard of the app calls DpopGuard, set unguardedRoutes: 'warn' to start with a warning`,
    );
  }
}

/** Whether a test replaced the guard with `overrideGuard` or `overrideProvider` of @nestjs/testing. */
function isGuardReplaced({ providers }: ContainerModule): boolean {
  return !(providers.get(DpopGuard)?.instance instanceof DpopGuard);
}
