import type { IncomingMessage, ServerResponse } from 'node:http';
import { Controller, type DynamicModule, Get, Module, Post, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Dpop, DpopBound, DpopGuard, DpopModule } from 'nestjs-dpop';
import type { Running } from '../../../sample/01-quickstart/running.js';
import type { SelfSignedCertificate } from '../../support/self-signed-certificate.js';
import type { Exchanges } from './exchanges.js';
import { trustingFetch } from './trusting-fetch.js';

export interface ApiOptions {
  readonly port: number;
  readonly certificate: SelfSignedCertificate;
  readonly page: string;
  readonly api: string;
  readonly issuer: string;
  readonly exchanges: Exchanges;
}

/** Each route answers the thumbprint of the key that the guard verified. */
@UseGuards(DpopGuard)
@Controller()
class AccountController {
  @Get('account')
  read(@DpopBound() thumbprint: string): { readonly thumbprint: string } {
    return { thumbprint };
  }

  @Dpop({ nonce: 'required' })
  @Post('transfers')
  transfer(@DpopBound() thumbprint: string): { readonly thumbprint: string } {
    return { thumbprint };
  }
}

@Module({})
class ApiModule {
  static with({ api, certificate, issuer }: ApiOptions): DynamicModule {
    const dpop = DpopModule.forRoot({
      origin: api,
      accessToken: { issuer, audience: api, fetch: trustingFetch(certificate) },
      // Clients of atproto find the authorization server by it.
      metadata: {},
    });
    return { module: ApiModule, imports: [dpop], controllers: [AccountController] };
  }
}

/** A Nest app on Express, over https. */
export async function startApi(options: ApiOptions): Promise<Running> {
  const { port, page, api, certificate, exchanges } = options;
  const app = await NestFactory.create<NestExpressApplication>(ApiModule.with(options), {
    logger: false,
    abortOnError: false,
    forceCloseConnections: true,
    httpsOptions: { cert: certificate.cert, key: certificate.key },
  });
  app.enableCors({ origin: page, allowedHeaders: ['Authorization', 'DPoP', 'Content-Type'], maxAge: 600 });
  app.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
    response.once('prefinish', () => {
      const [, error] = /error="(\w+)"/.exec(String(response.getHeader('WWW-Authenticate'))) ?? [];
      exchanges.record('api', request, response.statusCode, error);
    });
    next();
  });
  await app.listen(port, '127.0.0.1');
  return { url: api, close: () => app.close() };
}
