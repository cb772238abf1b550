import {
  type DynamicModule,
  Inject,
  Logger,
  Module,
  type NestModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import { createConfig, type DpopConfig } from '../config/dpop-config.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import { DPOP_CONFIG, NONCE_SECRETS } from '../config/injection-tokens.js';
import { assertObject } from '../errors/option-asserts.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import { DpopTickets } from '../guard/dpop-tickets.js';
import { DpopStrategy } from '../guard/dpop.strategy.js';
import { Trial } from '../guard/trial.js';
import { DpopHandshakes } from '../handshake/dpop-handshakes.js';
import { DpopSubscriptions } from '../handshake/dpop-subscriptions.js';
import { GatewayPolicies } from '../handshake/gateway-policies.js';
import { observeRequestLines } from '../http/request-line.js';
import type { NonceSecretSource } from '../nonce/nonce-secret.source.js';
import { NonceService } from '../nonce/nonce.service.js';
import { RevocationCheck } from '../revocation/revocation-check.js';
import { DpopSessions } from '../sessions/dpop-sessions.js';
import { ReplayStore } from '../storage/replay.store.js';
import { OperatorLog } from '../telemetry/operator-log.js';
import { loadRpcException } from '../transport/rpc-exception.js';
import { DpopVerifier } from '../verification/dpop.verifier.js';
import { isReportOnly } from '../verification/policy.js';
import { createAccessTokenVerifier } from './access-token-provider.js';
import { registrationsIn } from './container.js';
import { DpopHealthIndicator } from './dpop-health.indicator.js';
import { EqualRegistrations } from './equal-registrations.js';
import { MetadataEndpoint } from './metadata-endpoint.js';
import {
  ConfigurableModuleClass,
  type DpopModuleAsyncOptions,
  MODULE_OPTIONS_TOKEN,
} from './module-definition.js';
import { assertAsyncOptions, refuseBareImport } from './module-options.js';
import { createNonceSecrets, createNonceService, createTicketSeal } from './nonce-providers.js';
import { hasMessageHandlers } from './routes.js';
import { StartUpCheck } from './start-up-check.js';
import { createTrial } from './trial-provider.js';

const registrations = new EqualRegistrations();

/**
 * Provides `DpopGuard`, which protects routes with DPoP. The module is global unless `isGlobal: false`.
 *
 * @example
 * ```ts
 * @Module({
 *   imports: [
 *     DpopModule.forRoot({
 *       origin: 'https://api.example.com',
 *       accessToken: { issuer: 'https://auth.example.com', audience: 'https://api.example.com' },
 *     }),
 *   ],
 * })
 * export class AppModule {}
 * ```
 * @throws TypeError at start, naming the option and the accepted form
 */
@Module({
  providers: [
    // forRoot and forRootAsync override it.
    {
      provide: MODULE_OPTIONS_TOKEN,
      useFactory: refuseBareImport('DpopModule', MODULE_OPTIONS_TOKEN, 'origin, accessToken'),
    },
    StartUpCheck,
    { provide: DPOP_CONFIG, useFactory: createConfig, inject: [MODULE_OPTIONS_TOKEN] },
    {
      provide: ReplayStore,
      useFactory: ({ storage }: DpopConfig) => storage.replayStore,
      inject: [DPOP_CONFIG],
    },
    { provide: NONCE_SECRETS, useFactory: createNonceSecrets, inject: [DPOP_CONFIG] },
    { provide: NonceService, useFactory: createNonceService, inject: [DPOP_CONFIG, NONCE_SECRETS] },
    { provide: AccessTokenVerifier, useFactory: createAccessTokenVerifier, inject: [DPOP_CONFIG] },
    {
      provide: DpopVerifier,
      useFactory: (
        config: DpopConfig,
        accessTokens: AccessTokenVerifier,
        nonces: NonceService,
        replayStore: ReplayStore,
        secrets: NonceSecretSource,
      ) => {
        const { revocation } = config;
        const tickets = createTicketSeal(config, secrets);
        return new DpopVerifier({ rules: config, accessTokens, nonces, replayStore, revocation, tickets });
      },
      inject: [DPOP_CONFIG, AccessTokenVerifier, NonceService, ReplayStore, NONCE_SECRETS],
    },
    {
      provide: Trial,
      useFactory: createTrial,
      inject: [DPOP_CONFIG, AccessTokenVerifier, NonceService, ReplayStore, NONCE_SECRETS],
    },
    { provide: DpopSessions, useFactory: createSessions, inject: [DPOP_CONFIG] },
    DpopStrategy,
    DpopGuard,
    DpopHandshakes,
    DpopSubscriptions,
    GatewayPolicies,
    DpopTickets,
    DpopHealthIndicator,
  ],
  exports: [
    DPOP_CONFIG,
    AccessTokenVerifier,
    NonceService,
    ReplayStore,
    DpopVerifier,
    DpopStrategy,
    DpopGuard,
    DpopHandshakes,
    DpopSubscriptions,
    DpopTickets,
    DpopSessions,
    Trial,
    DpopHealthIndicator,
  ],
})
export class DpopModule
  extends ConfigurableModuleClass
  implements NestModule, OnModuleInit, OnApplicationShutdown
{
  private endObservation: (() => void) | undefined;

  constructor(
    @Inject(DPOP_CONFIG) private readonly config: DpopConfig,
    @Inject(AccessTokenVerifier) private readonly accessTokens: AccessTokenVerifier,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer | undefined,
    @Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost,
    @Inject(DpopSessions) private readonly sessions: DpopSessions,
    @Inject(Trial) private readonly trial: Trial,
  ) {
    super();
  }

  static override forRoot(options: DpopModuleOptions): DynamicModule {
    assertObject(options, 'DpopModule.forRoot()', 'given an object of options');
    return registrations.getOrCreate(options, () => super.forRoot(options));
  }

  static override forRootAsync(options: DpopModuleAsyncOptions): DynamicModule {
    assertAsyncOptions(options, 'DpopModule');
    return super.forRootAsync(options);
  }

  /** Nest calls it before it registers the routes of the app. */
  configure(): void {
    // Nest also calls it if it has created no instance: in preview mode, and with scoped options, which do not start.
    if (this.modules === undefined) return;
    // One of several registrations serves the metadata of all.
    if (registrationsIn(this.modules)[0]?.instance !== this) return;
    new MetadataEndpoint(this.modules, this.adapterHost.httpAdapter).register();
  }

  async onModuleInit(): Promise<void> {
    const { storage, revocation, clock, logReceivedValues } = this.config;
    const logger = new Logger(DpopModule.name);
    const warn = (text: string): void => logger.warn(text);
    if (logReceivedValues) {
      logger.warn(
        'logReceivedValues is on: the log shows what clients sent with refused requests. Turn it off in production',
      );
    }
    if (isReportOnly(this.config.policy)) {
      logger.warn(
        "enforcement: 'report' is on: DpopGuard lets every request through, and tells what it would have refused. Set 'enforce' once the log is quiet",
      );
    }
    void this.openAccessTokens(warn);
    void this.trial.open(warn);
    await Promise.all([
      storage.open?.(warn, clock),
      revocation?.open?.(warn, clock),
      hasMessageHandlers(this.modules) && loadRpcException(),
    ]);
    this.endObservation = observeRequestLines();
    if (storage.shared) return;
    logger.warn(
      'Replay records are kept in the memory of this process: a second instance of the service would accept each proof once more. For several instances, use RedisStorage of nestjs-dpop/redis; see "Replay and Redis" in the documentation',
    );
  }

  /** Runs in the background: the service starts even if an issuer is down. */
  private async openAccessTokens(warn: (text: string) => void): Promise<void> {
    try {
      await this.accessTokens.open?.(warn);
    } catch {
      warn('AccessTokenVerifier.open failed; the service starts nevertheless');
    }
  }

  /** The last hook of a shutdown: in earlier ones, requests are still running. */
  async onApplicationShutdown(): Promise<void> {
    const logger = new Logger(DpopModule.name);
    OperatorLog.of(this.config).flush((level, text) => logger[level](text));
    this.endObservation?.();
    this.sessions.close();
    await this.trial.close();
    await this.accessTokens.close?.();
    await this.config.revocation?.close?.();
    await this.config.storage.close?.();
  }
}

function createSessions({ clock, revocation, onRevocationFailure }: DpopConfig): DpopSessions {
  return new DpopSessions(clock, revocation && new RevocationCheck(revocation, onRevocationFailure));
}
