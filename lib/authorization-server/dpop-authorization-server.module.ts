import {
  type DynamicModule,
  Inject,
  Logger,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import {
  type AuthorizationServerConfig,
  createAuthorizationServerConfig,
} from '../config/authorization-server-config.js';
import type { DpopAuthorizationServerOptions } from '../config/authorization-server-options.js';
import { AUTHORIZATION_SERVER_CONFIG } from '../config/injection-tokens.js';
import { assertObject } from '../errors/option-asserts.js';
import { DpopProofGuard } from '../guard/dpop-proof.guard.js';
import { observeRequestLines } from '../http/request-line.js';
import { EqualRegistrations } from '../module/equal-registrations.js';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import { StatelessNonceService } from '../nonce/stateless-nonce.service.js';
import { OperatorLog } from '../telemetry/operator-log.js';
import { DpopProofVerifier } from '../verification/dpop-proof.verifier.js';
import { DpopBindings } from './dpop-bindings.js';
import {
  ConfigurableModuleClass,
  type DpopAuthorizationServerAsyncOptions,
  MODULE_OPTIONS_TOKEN,
} from './module-definition.js';
import { assertAsyncOptions, refuseBareImport } from '../module/module-options.js';
import { AuthorizationServerStartCheck } from './start-check.js';

const registrations = new EqualRegistrations();

/**
 * Provides `DpopProofGuard` and `DpopBindings` for an app that issues tokens. It needs no `DpopModule`; both may stand in one
 * app. The module is global unless `isGlobal: false`.
 *
 * @example
 * ```ts
 * @Module({ imports: [DpopAuthorizationServerModule.forRoot({ issuer: 'https://auth.example.com' })] })
 * export class AuthModule {}
 * ```
 * @throws TypeError at start, naming the option and the accepted form
 */
@Module({
  providers: [
    // forRoot and forRootAsync override it.
    {
      provide: MODULE_OPTIONS_TOKEN,
      useFactory: refuseBareImport('DpopAuthorizationServerModule', MODULE_OPTIONS_TOKEN, 'issuer'),
    },
    AuthorizationServerStartCheck,
    {
      provide: AUTHORIZATION_SERVER_CONFIG,
      useFactory: createAuthorizationServerConfig,
      inject: [MODULE_OPTIONS_TOKEN],
    },
    { provide: DpopProofVerifier, useFactory: createVerifier, inject: [AUTHORIZATION_SERVER_CONFIG] },
    DpopProofGuard,
    DpopBindings,
  ],
  exports: [AUTHORIZATION_SERVER_CONFIG, DpopProofVerifier, DpopProofGuard, DpopBindings],
})
export class DpopAuthorizationServerModule
  extends ConfigurableModuleClass
  implements OnModuleInit, OnApplicationShutdown
{
  private endObservation: (() => void) | undefined;

  constructor(@Inject(AUTHORIZATION_SERVER_CONFIG) private readonly config: AuthorizationServerConfig) {
    super();
  }

  static override forRoot(options: DpopAuthorizationServerOptions): DynamicModule {
    assertObject(options, 'DpopAuthorizationServerModule.forRoot()', 'given an object of options');
    return registrations.getOrCreate(options, () => super.forRoot(options));
  }

  static override forRootAsync(options: DpopAuthorizationServerAsyncOptions): DynamicModule {
    assertAsyncOptions(options, 'DpopAuthorizationServerModule');
    return super.forRootAsync(options);
  }

  async onModuleInit(): Promise<void> {
    const { storage, clock, logReceivedValues } = this.config;
    const logger = new Logger(DpopAuthorizationServerModule.name);
    const warn = (text: string): void => logger.warn(text);
    if (logReceivedValues) {
      warn(
        'logReceivedValues is on: the log shows what clients sent with refused requests. Turn it off in production',
      );
    }
    await storage.open?.(warn, clock);
    this.endObservation = observeRequestLines();
    if (storage.shared) return;
    warn(
      'Replay records are kept in the memory of this process: a second instance of the server would accept each proof once more. For several instances, use RedisStorage of nestjs-dpop/redis; see "Replay and Redis" in the documentation',
    );
  }

  /** The last hook of a shutdown: in earlier ones, requests are still running. */
  async onApplicationShutdown(): Promise<void> {
    const logger = new Logger(DpopAuthorizationServerModule.name);
    OperatorLog.of(this.config).flush((level, text) => logger[level](text));
    this.endObservation?.();
    await this.config.storage.close?.();
  }
}

function createVerifier(config: AuthorizationServerConfig): DpopProofVerifier {
  const { storage, nonce, clock } = config;
  const secrets =
    nonce.secrets === undefined
      ? (storage.nonceSecrets ?? new FixedNonceSecrets())
      : new FixedNonceSecrets(nonce.secrets);
  const { service, lifetimeSeconds } = nonce;
  const nonces = new StatelessNonceService({ secrets, service, lifetimeSeconds, clock });
  return new DpopProofVerifier({ rules: config, nonces, replayStore: storage.replayStore });
}
