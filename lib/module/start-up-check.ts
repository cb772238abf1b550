import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { AUTHORIZATION_SERVER_CONFIG } from '../config/injection-tokens.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import { DpopProofGuard } from '../guard/dpop-proof.guard.js';
import { isVerifying } from '../handshake/verifying-adapter.js';
import { configOf, type ContainerModule, registrationsIn } from './container.js';
import { assertGlobalGuardsStatic, GuardCoverage } from './guard-coverage.js';
import { assertRegistrations, assertStatic } from './registrations.js';
import { surveyProofRoutes } from './proof-route-survey.js';
import { surveyRoutes } from './route-survey.js';
import { describeUnenforcedProofs, describeUnguarded } from './unguarded-routes.js';

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
    if (!(this.#hasHttpServer() || this.#isMicroservice()) || registrations.some(isGuardReplaced)) return;
    const configs = registrations.map(configOf);
    this.#assertRoutes(
      configs.every((config) => config?.unguardedRoutes === 'warn'),
      configs.some((config) => config?.forbidsBearer === true),
      configs.some((config) => config?.forbidsTickets === true),
    );
  }

  #hasHttpServer(): boolean {
    return Boolean(this.adapterHost.httpAdapter as unknown);
  }

  /** Nest announces the server of a microservice before it calls this hook. Nest 11.0 does not. */
  #isMicroservice(): boolean {
    const modules: Partial<Pick<ModulesContainer, 'getRpcTargetRegistry'>> = this.modules;
    let hasTarget = false;
    modules
      .getRpcTargetRegistry?.()
      .subscribe(() => (hasTarget = true))
      .unsubscribe();
    return hasTarget;
  }

  #hasAuthorizationServer(): boolean {
    return [...this.modules.values()].some(({ providers }) => providers.has(AUTHORIZATION_SERVER_CONFIG));
  }

  #assertRoutes(mayStartUnguarded: boolean, forbidsBearer: boolean, forbidsTickets: boolean): void {
    const logger = new Logger('DpopModule');
    const isHybrid = this.#hasHttpServer();
    const coverage = new GuardCoverage(this.modules, this.application, isHybrid);
    const verifiesHandshakes = isVerifying(this.application.getIoAdapter());
    const proofs = new GuardCoverage(this.modules, this.application, isHybrid, DpopProofGuard);
    const survey = surveyRoutes(this.modules, coverage, verifiesHandshakes, proofs);
    const { contradictoryClasses, contradictoryHandlers, bearer, reporting, tickets } = survey;
    if (forbidsBearer && bearer.length > 0) {
      throw new TypeError(
        `@Dpop({ bearer: 'allow-unbound' }) must not stand in an app with the option bearer: 'forbid', which fapi2 sets: ${bearer.join(', ')}. ` +
          "Remove it there, or set bearer: 'reject', with which routes may allow Bearer",
      );
    }
    if (forbidsTickets && tickets.length > 0) {
      throw new TypeError(
        `@Dpop({ ticket: 'allow' }) must not stand in an app with the option tickets: 'forbid', which fapi2 sets: ${tickets.join(', ')}. ` +
          'Remove it there, or leave the option out',
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
    if (survey.globallyGuardedMessages.length > 0) {
      logger.warn(
        `Only a global guard covers these messages of gateways, and Nest 11 does not run it for them: ${survey.globallyGuardedMessages.join(', ')}. ` +
          'Use the adapter of nestjs-dpop/platform-ws or nestjs-dpop/platform-socket.io, or add @UseGuards(DpopGuard) to the gateway; @SkipDpop() says that a gateway is open',
      );
    }
    if (survey.inheritedGuardMessages.length > 0) {
      logger.warn(
        `Only a global guard covers these messages; Nest applies it to messages only with inheritAppConfig: ${survey.inheritedGuardMessages.join(', ')}. ` +
          'Add @UseGuards with the guard to the handler or its class, which works with inheritAppConfig and without it; @SkipDpop() says that a message is open',
      );
    }
    if (survey.refusedMessages.length > 0) {
      logger.warn(
        `DpopGuard refuses these messages, because it knows HTTP alone: ${survey.refusedMessages.join(', ')}. ` +
          'Bind a DpopMessageGuard of nestjs-dpop/microservices with a baseUrl, or override getRequest and getDpopRequest for a transport of your own',
      );
    }
    const texts = describeUnguarded(survey, this.#hasAuthorizationServer());
    // An authorization server checks its decorators itself.
    if (!this.#hasAuthorizationServer())
      texts.push(...describeUnenforcedProofs(surveyProofRoutes(this.modules, coverage, proofs)));
    for (const text of texts) {
      if (!mayStartUnguarded) {
        throw new TypeError(
          `${text}. If another guard of the app calls DpopGuard, set unguardedRoutes: 'warn' to start with a warning`,
        );
      }
      logger.warn(`${text}. If another guard of the app calls DpopGuard, ignore this warning`);
    }
  }
}

/** Whether a test replaced the guard with `overrideGuard` or `overrideProvider` of @nestjs/testing. */
function isGuardReplaced({ providers }: ContainerModule): boolean {
  return !(providers.get(DpopGuard)?.instance instanceof DpopGuard);
}
