import { fileURLToPath } from 'node:url';
import { Controller, type DynamicModule, Get, Injectable, type Type, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Ctx,
  EventPattern,
  GrpcMethod,
  GrpcStreamCall,
  GrpcStreamMethod,
  MessagePattern,
  type MicroserviceOptions,
  Payload,
  TcpContext,
  Transport,
} from '@nestjs/microservices';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { Dpop, DpopBound, DpopGuard, getDpopVerdict, RequireScopes, SkipDpop } from 'nestjs-dpop';
import { DpopMessageGuard } from 'nestjs-dpop/microservices';
import { concat, last, map, NEVER, type Observable, of } from 'rxjs';
import { findFreePorts } from '../../sample/01-quickstart/free-ports.js';
import { LogCollector } from '../support/log-collector.js';
import { adapterOf, type Platform } from '../support/platforms.js';
import { createRootModule } from '../support/root-module.js';

export const BASE_URL = 'https://messages.example.com/v1';
export const PROTO = fileURLToPath(new URL('ledger.proto', import.meta.url));

/** The handlers that ran, in order. */
export const ran: string[] = [];

interface Query {
  readonly name: string;
}

@Injectable()
export class MessageGuard extends DpopMessageGuard {
  protected readonly baseUrl = BASE_URL;
}

@UseGuards(MessageGuard)
@Controller()
export class MessagesController {
  @MessagePattern('sum')
  sum(@Payload() payload: object, @DpopBound() jkt: string, @Ctx() context: TcpContext): object {
    ran.push('sum');
    return { payload, jkt, same: getDpopVerdict(context)?.jkt === jkt };
  }

  @MessagePattern({ cmd: 'close', account: 7 })
  close(@DpopBound('subject') subject: string): object {
    ran.push('close');
    return { subject };
  }

  @RequireScopes('audit')
  @MessagePattern('audit')
  audit(): object {
    ran.push('audit');
    return {};
  }

  @Dpop({ nonce: 'required' })
  @MessagePattern('nonce')
  nonce(): object {
    ran.push('nonce');
    return {};
  }

  @EventPattern('happened')
  happened(payload: object): void {
    ran.push(`happened ${Object.keys(payload).join()}`);
  }

  @SkipDpop()
  @MessagePattern('open')
  open(): object {
    ran.push('open');
    return {};
  }

  @GrpcMethod('Ledger', 'Read')
  read(@Payload() { name }: Query, @DpopBound() jkt: string): object {
    ran.push('Read');
    return { name, jkt };
  }

  @GrpcMethod('Ledger', 'Watch')
  watch({ name }: Query): Observable<object> {
    ran.push('Watch');
    return concat(of({ name }), NEVER);
  }

  @GrpcStreamMethod('Ledger', 'Sum')
  total(queries: Observable<Query>): Observable<object> {
    ran.push('Sum');
    return queries.pipe(
      last(),
      map(({ name }) => ({ name })),
    );
  }

  @GrpcStreamCall('Ledger', 'Call')
  call(call: ServerDuplexStream<Query, object>): void {
    ran.push('Call');
    call.on('data', ({ name }: Query) => call.write({ name }));
    call.on('end', () => call.end());
  }

  @SkipDpop()
  @GrpcMethod('Ledger', 'Open')
  openCall({ name }: Query): object {
    ran.push('Open');
    return { name };
  }
}

@UseGuards(DpopGuard)
@Controller('accounts')
export class AccountsController {
  @Get()
  list(@DpopBound() jkt: string): object {
    ran.push('list');
    return { jkt };
  }
}

export interface MessageAppOptions {
  readonly dpop: DynamicModule;
  readonly controllers?: readonly Type[];
  /** Default: HTTP beside the messages, on Express. `null`: messages by TCP alone. */
  readonly platform?: Platform | null;
  readonly inheritAppConfig?: boolean;
  /** Whether HTTP is served, too: `listen` runs the start check, and `startAllMicroservices` does not. */
  readonly listens?: boolean;
  readonly before?: (app: { useGlobalGuards(...guards: never[]): unknown }) => void;
}

export interface MessageApp {
  readonly http: string;
  readonly grpc: string;
  readonly tcpPort: number;
  readonly log: LogCollector;
  close(): Promise<void>;
}

/** An app that receives messages by gRPC and TCP, and HTTP beside them. */
export async function startMessages(options: MessageAppOptions): Promise<MessageApp> {
  const { platform = 'express', controllers = [MessagesController, AccountsController] } = options;
  const [grpcPort = 0, tcpPort = 0] = await findFreePorts([0, 0]);
  const log = new LogCollector();
  const module = createRootModule({ dpop: options.dpop, controllers });
  const tcp: MicroserviceOptions = {
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port: tcpPort },
  };
  const shared = { log, tcpPort, grpc: `127.0.0.1:${grpcPort}` };
  if (platform === null) {
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, {
      ...tcp,
      logger: log,
      abortOnError: false,
    });
    await app.listen();
    return { ...shared, http: '', close: () => app.close() };
  }
  const app = await NestFactory.create(module, adapterOf(platform), {
    logger: log,
    abortOnError: false,
    forceCloseConnections: true,
  });
  const hybrid = { inheritAppConfig: options.inheritAppConfig === true };
  app.connectMicroservice<MicroserviceOptions>(tcp, hybrid);
  app.connectMicroservice<MicroserviceOptions>(
    { transport: Transport.GRPC, options: { package: 'ledger', protoPath: PROTO, url: shared.grpc } },
    hybrid,
  );
  try {
    await app.startAllMicroservices();
    if (options.listens === false) return { ...shared, http: '', close: () => app.close() };
    await app.listen(0, '127.0.0.1');
  } catch (error) {
    await app.close();
    throw error;
  }
  return { ...shared, http: await app.getUrl(), close: () => app.close() };
}
