import {
  type DynamicModule,
  Inject,
  Logger,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { assertObject } from '../errors/option-asserts.js';
import {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  type SecurityEventsAsyncOptions,
} from './module-definition.js';
import { parsePath, parseReceiverOptions, RECEIVER_CONFIG, type ReceiverConfig } from './receiver-config.js';
import { MEDIA_TYPE } from './request-body.js';
import { SecurityEventReceiver } from './security-event.receiver.js';
import {
  createSecurityEventsController,
  SecurityEventAnswers,
  SecurityEventFilter,
  TransmitterGuard,
} from './security-events.controller.js';
import type { SecurityEventsOptions } from './security-events-options.js';
import { SecurityEventsStartCheck } from './start-check.js';

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
    SecurityEventsStartCheck,
    { provide: RECEIVER_CONFIG, useFactory: parseReceiverOptions, inject: [MODULE_OPTIONS_TOKEN] },
    { provide: SecurityEventReceiver, useFactory: createReceiver, inject: [RECEIVER_CONFIG] },
    SecurityEventAnswers,
    SecurityEventFilter,
    TransmitterGuard,
  ],
})
export class SecurityEventsModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(SecurityEventReceiver) private readonly receiver: SecurityEventReceiver,
    @Inject(SecurityEventsStartCheck) private readonly check: SecurityEventsStartCheck,
    @Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost,
  ) {}

  static forRoot(options: SecurityEventsOptions): DynamicModule {
    assertObject(options, 'SecurityEventsModule.forRoot()', 'given an object of options');
    const { path, ...rest } = options;
    return withController(path, ConfigurableModuleClass.forRoot(rest));
  }

  static forRootAsync(options: SecurityEventsAsyncOptions): DynamicModule {
    assertObject(options, 'SecurityEventsModule.forRootAsync()', 'given an object of options');
    const { path, ...rest } = options;
    return withController(path, ConfigurableModuleClass.forRootAsync(rest));
  }

  onModuleInit(): void {
    this.acceptMediaType();
    const logger = new Logger(SecurityEventsModule.name);
    this.check.warnOfUnaskedDenyList((text) => logger.warn(text));
    // In the background: the service starts even if a transmitter is down.
    void this.receiver.open((text) => logger.warn(text));
  }

  onApplicationShutdown(): void {
    this.receiver.close();
  }

  /** Fastify refuses content types without a parser. The receiver reads the stream itself, within its own limit. */
  private acceptMediaType(): void {
    const { httpAdapter } = this.adapterHost;
    if (!(httpAdapter as unknown) || httpAdapter.getType() !== 'fastify') return;
    const fastify = httpAdapter.getInstance<FastifyParsers>();
    if (fastify.hasContentTypeParser(MEDIA_TYPE)) return;
    fastify.addContentTypeParser(MEDIA_TYPE, (_request, payload, done) => done(null, payload));
  }
}

/** What the module uses of Fastify, which is no dependency. */
interface FastifyParsers {
  hasContentTypeParser(type: string): boolean;
  addContentTypeParser(
    type: string,
    parser: (request: unknown, payload: unknown, done: (error: null, body: unknown) => void) => void,
  ): void;
}

/** The path is part of the class of a controller, so that it cannot come from a factory. */
function withController(path: unknown, definition: DynamicModule): DynamicModule {
  const controllers = [createSecurityEventsController(parsePath(path))];
  return { ...definition, module: SecurityEventsModule, controllers };
}

function createReceiver(config: ReceiverConfig): SecurityEventReceiver {
  const logger = new Logger(SecurityEventsModule.name);
  return new SecurityEventReceiver(config, (level, text) => logger[level](text));
}
