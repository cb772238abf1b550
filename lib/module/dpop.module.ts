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
import { JwtAccessTokenVerifier } from '../access-token/jwt-access-token.verifier.js';
import { ResolvedIssuers } from '../access-token/resolved-issuers.js';
import { TrustedIssuersVerifier } from '../access-token/trusted-issuers.verifier.js';
import { createConfig, type DpopConfig } from '../config/dpop-config.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import { DPOP_CONFIG } from '../config/injection-tokens.js';
import { assertObject } from '../errors/option-asserts.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import { DpopStrategy } from '../guard/dpop.strategy.js';
import { DpopHandshakes } from '../handshake/dpop-handshakes.js';
import { observeRequestLines } from '../http/request-line.js';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import { NonceService } from '../nonce/nonce.service.js';
import { StatelessNonceService } from '../nonce/stateless-nonce.service.js';
import { RevocationCheck } from '../revocation/revocation-check.js';
import { DpopSessions } from '../sessions/dpop-sessions.js';
import { ReplayStore } from '../storage/replay.store.js';
import { OperatorLog } from '../telemetry/operator-log.js';
import { DpopVerifier } from '../verification/dpop.verifier.js';
import { isReportOnly } from '../verification/policy.js';
import { registrationsIn } from './container.js';
import { DpopHealthIndicator } from './dpop-health.indicator.js';
import { EqualRegistrations } from './equal-registrations.js';
import { MetadataEndpoint } from './metadata-endpoint.js';
import {
  assertAsyncOptions,
  ConfigurableModuleClass,
  type DpopModuleAsyncOptions,
  MODULE_OPTIONS_TOKEN,
  refuseBareImport,
} from './module-definition.js';
import { StartUpCheck } from './start-up-check.js';

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
    { provide: MODULE_OPTIONS_TOKEN, useFactory: refuseBareImport },
    StartUpCheck,
    { provide: DPOP_CONFIG, useFactory: createConfig, inject: [MODULE_OPTIONS_TOKEN] },
    {
      provide: ReplayStore,
      useFactory: ({ storage }: DpopConfig) => storage.replayStore,
      inject: [DPOP_CONFIG],
    },
    { provide: NonceService, useFactory: createNonceService, inject: [DPOP_CONFIG] },
    { provide: AccessTokenVerifier, useFactory: createAccessTokenVerifier, inject: [DPOP_CONFIG] },
    {
      provide: DpopVerifier,
      useFactory: (
        config: DpopConfig,
        accessTokens: AccessTokenVerifier,
        nonces: NonceService,
        store: ReplayStore,
      ) => {
        const { revocation } = config;
        return new DpopVerifier({ rules: config, accessTokens, nonces, replayStore: store, revocation });
      },
      inject: [DPOP_CONFIG, AccessTokenVerifier, NonceService, ReplayStore],
    },
    { provide: DpopSessions, useFactory: createSessions, inject: [DPOP_CONFIG] },
    DpopStrategy,
    DpopGuard,
    DpopHandshakes,
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
    DpopSessions,
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
  ) {
    super();
  }

  static override forRoot(options: DpopModuleOptions): DynamicModule {
    assertObject(options, 'DpopModule.forRoot()', 'given an object of options');
    return registrations.getOrCreate(options, () => super.forRoot(options));
  }

  static override forRootAsync(options: DpopModuleAsyncOptions): DynamicModule {
    assertAsyncOptions(options);
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
    await Promise.all([storage.open?.(warn, clock), revocation?.open?.(warn, clock)]);
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
    await this.accessTokens.close?.();
    await this.config.revocation?.close?.();
    await this.config.storage.close?.();
  }
}

function createNonceService({ nonce, storage, clock }: DpopConfig): NonceService {
  const { secrets, service, lifetimeSeconds } = nonce;
  const source =
    secrets === undefined
      ? (storage.nonceSecrets ?? new FixedNonceSecrets())
      : new FixedNonceSecrets(secrets);
  return new StatelessNonceService({ secrets: source, service, lifetimeSeconds, clock });
}

function createAccessTokenVerifier({
  issuers,
  resolution,
  issuerVerifiers,
  fallbackVerifier,
  cache,
  clock,
}: DpopConfig): AccessTokenVerifier {
  const verifiers = issuers.map((options) => new JwtAccessTokenVerifier(options, clock));
  const all = [...verifiers, ...issuerVerifiers];
  const resolved = resolution && new ResolvedIssuers(resolution, clock);
  return new TrustedIssuersVerifier(all, fallbackVerifier, cache.tokens, clock, resolved);
}

function createSessions({ clock, revocation, onRevocationFailure }: DpopConfig): DpopSessions {
  return new DpopSessions(clock, revocation && new RevocationCheck(revocation, onRevocationFailure));
}
