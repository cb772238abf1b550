import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import type { AuthorizationServerConfig } from '../config/authorization-server-config.js';
import { AUTHORIZATION_SERVER_CONFIG } from '../config/injection-tokens.js';
import { DpopProofGuard } from '../guard/dpop-proof.guard.js';
import { type ContainerModule, registrationsIn } from '../module/container.js';
import { GuardCoverage } from '../module/guard-coverage.js';
import { findScopedDependency } from '../module/provider-scope.js';
import { surveyProofRoutes } from '../module/proof-route-survey.js';
import { type RouteSurvey, surveyRoutes } from '../module/route-survey.js';
import { assertOneRegistrationEach } from '../module/scoped-registrations.js';
import { describeUnguardedEndpoints } from '../module/unguarded-routes.js';
import { MODULE_OPTIONS_TOKEN } from './module-definition.js';

const MODULE = 'DpopAuthorizationServerModule';

/**
 * Ends the start of an authorization server that would be less protected than it looks. It injects only what Nest provides,
 * so that Nest creates it even if the options depend on a request.
 */
@Injectable()
export class AuthorizationServerStartCheck implements OnModuleInit {
  /** @throws TypeError for options that depend on a scoped provider, for two global registrations, and for two in one module */
  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ApplicationConfig) private readonly application: ApplicationConfig,
    @Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost,
  ) {
    const registrations = this.#registrations();
    registrations.forEach(assertOptionsStatic);
    assertOneRegistrationEach(MODULE, registrations, modules);
    if (registrations.filter(({ isGlobal }) => isGlobal).length < 2) return;
    throw new TypeError(
      `${MODULE} is registered globally more than once, with options that differ or come from factories. Nest would silently use one of them. ` +
        'Import forRoot or forRootAsync once, in the root module; for several servers in one app, use isGlobal: false and import the module that forRoot returned where it is needed',
    );
  }

  /** @throws TypeError for endpoints that no guard protects, or that no request can pass */
  onModuleInit(): void {
    const registrations = this.#registrations();
    for (const { providers } of registrations) {
      if (providers.get(AUTHORIZATION_SERVER_CONFIG)?.isDependencyTreeStatic() === false)
        failScoped('a scoped provider', '');
    }
    // One of several registrations checks the app.
    if (registrations[0]?.providers.get(AuthorizationServerStartCheck)?.instance !== this) return;
    if (!(this.adapterHost.httpAdapter as unknown) || registrations.some(isGuardReplaced)) return;
    this.#assertRoutes(registrations.every((module) => configOf(module)?.unguardedRoutes === 'warn'));
  }

  #registrations(): readonly ContainerModule[] {
    return [...this.modules.values()].filter(({ providers }) => providers.has(AUTHORIZATION_SERVER_CONFIG));
  }

  #assertRoutes(mayStartUnguarded: boolean): void {
    const resources = new GuardCoverage(this.modules, this.application, true);
    const proofs = new GuardCoverage(this.modules, this.application, true, DpopProofGuard);
    const survey = surveyProofRoutes(this.modules, resources, proofs);
    const { contradictory } = survey;
    if (contradictory.length > 0) {
      throw new TypeError(
        `DpopGuard and DpopProofGuard both cover these handlers, and no proof satisfies both: ${contradictory.join(', ')}. ` +
          'Add @SkipDpop() to an endpoint of the authorization server, or remove DpopProofGuard from a resource',
      );
    }
    // An app with DpopModule has its check of resources.
    const hasResources = registrationsIn(this.modules).length > 0;
    for (const text of describeUnguardedEndpoints(
      survey,
      hasResources ? undefined : this.#surveyResources(resources),
    )) {
      if (!mayStartUnguarded)
        throw new TypeError(
          `${text}. If another guard of the app enforces them, set unguardedRoutes: 'warn'`,
        );
      new Logger(MODULE).warn(`${text}. If another guard of the app enforces them, ignore this warning`);
    }
  }

  #surveyResources(resources: GuardCoverage): RouteSurvey {
    return surveyRoutes(this.modules, resources, false, { covers: () => true });
  }
}

function configOf({ providers }: ContainerModule): AuthorizationServerConfig | undefined {
  return providers.get(AUTHORIZATION_SERVER_CONFIG)?.instance as AuthorizationServerConfig | undefined;
}

/** Whether a test replaced the guard with `overrideGuard` or `overrideProvider` of @nestjs/testing. */
function isGuardReplaced({ providers }: ContainerModule): boolean {
  return !(providers.get(DpopProofGuard)?.instance instanceof DpopProofGuard);
}

function assertOptionsStatic(module: ContainerModule): void {
  const options = module.providers.get(MODULE_OPTIONS_TOKEN);
  const found = options && findScopedDependency(options, module, [MODULE]);
  if (found !== undefined) failScoped(`a ${found.scope} provider`, `: ${found.path.join(' → ')}`);
}

function failScoped(cause: string, path: string): never {
  throw new TypeError(
    `The options of ${MODULE} must be one for the whole app, but they depend on ${cause}${path}. ` +
      'Each request would have its own replay store. Inject singletons only, such as ConfigService; put what differs from request to request into origin: (request) => …',
  );
}
