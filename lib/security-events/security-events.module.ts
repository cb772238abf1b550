import {
  type DynamicModule,
  Inject,
  Logger,
  Module,
  type NestModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { assertKnownNames, assertObject } from '../errors/option-asserts.js';
import { assertAsyncOptions, refuseBareImport } from '../module/module-options.js';
import {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  type SecurityEventsAsyncOptions,
} from './module-definition.js';
import {
  inModule,
  OPTION_NAMES,
  parseReceiverOptions,
  RECEIVER_CONFIG,
  type ReceiverConfig,
} from './receiver-config.js';
import { parsePath, RECEIVER_PATH } from './receiver-path.js';
import { SecurityEventAnswers, SecurityEventFilter } from './security-event-answers.js';
import { SecurityEventReceiver } from './security-event.receiver.js';
import { createSecurityEventsController } from './security-events.controller.js';
import type { SecurityEventsOptions } from './security-events-options.js';
import { SecurityEventsStartCheck } from './start-check.js';
import { TransmitterGuard } from './transmitter.guard.js';
import { UnroutedRequests } from './unrouted-requests.js';

const NAME = 'SecurityEventsModule';

/**
 * Receives Security Event Tokens that transmitters push (RFC 8935), and enters what they revoke in the deny-list.
 *
 * @example
 * ```ts
 * @Module({
 *   imports: [
 *     SecurityEventsModule.forRoot({
 *       path: 'security-events',
 *       transmitters: [{ issuer: 'https://auth.example.com', audience: 'https://api.example.com/events' }],
 *       denyList,
 *     }),
 *   ],
 * })
 * export class EventsModule {}
 * ```
 * @throws TypeError at start, naming the option and the accepted form
 * @see RFC 8417, OpenID Shared Signals Framework 1.0
 */
@Module({
  providers: [
    // forRoot and forRootAsync override both.
    {
      provide: MODULE_OPTIONS_TOKEN,
      useFactory: refuseBareImport(NAME, MODULE_OPTIONS_TOKEN, 'path, transmitters, denyList', false),
    },
    { provide: RECEIVER_PATH, useValue: '' },
    SecurityEventsStartCheck,
    { provide: RECEIVER_CONFIG, useFactory: parseReceiverOptions, inject: [MODULE_OPTIONS_TOKEN] },
    { provide: SecurityEventReceiver, useFactory: createReceiver, inject: [RECEIVER_CONFIG] },
    SecurityEventAnswers,
    SecurityEventFilter,
    TransmitterGuard,
    UnroutedRequests,
  ],
})
export class SecurityEventsModule implements NestModule, OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(SecurityEventReceiver) private readonly receiver: SecurityEventReceiver,
    @Inject(SecurityEventsStartCheck) private readonly check: SecurityEventsStartCheck,
    @Inject(UnroutedRequests) private readonly unrouted: UnroutedRequests,
  ) {}

  static forRoot(options: SecurityEventsOptions): DynamicModule {
    assertObject(options, `${NAME}.forRoot()`, 'given an object of options');
    inModule(() => assertKnownNames(options, 'forRoot()', ['path', ...OPTION_NAMES]));
    const { path, ...rest } = options;
    return withController(path, ConfigurableModuleClass.forRoot(rest));
  }

  static forRootAsync(options: SecurityEventsAsyncOptions): DynamicModule {
    assertAsyncOptions(options, NAME, ['path']);
    const { path, ...rest } = options;
    return withController(path, ConfigurableModuleClass.forRootAsync(rest));
  }

  /** Nest calls it before it registers the routes of the app; without an instance in preview mode. */
  configure(): void {
    (this.unrouted as UnroutedRequests | undefined)?.beforeRoutes(SecurityEventsModule);
  }

  onModuleInit(): void {
    this.unrouted.afterRoutes(SecurityEventsModule);
    const logger = new Logger(NAME);
    this.check.warnOfNoEffect((text) => logger.warn(text));
    // In the background: the service starts even if a transmitter is down.
    void this.receiver.open((text) => logger.warn(text));
  }

  onApplicationShutdown(): void {
    this.receiver.close();
  }
}

/** The path is part of the class of a controller, so that it cannot come from a factory. */
function withController(given: unknown, definition: DynamicModule): DynamicModule {
  const path = inModule(() => parsePath(given));
  return {
    ...definition,
    module: SecurityEventsModule,
    controllers: [createSecurityEventsController(path)],
    providers: [...(definition.providers ?? []), { provide: RECEIVER_PATH, useValue: path }],
  };
}

function createReceiver(config: ReceiverConfig): SecurityEventReceiver {
  const logger = new Logger(NAME);
  return new SecurityEventReceiver(config, (level, text) => logger[level](text));
}
