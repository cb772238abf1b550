import { Controller, Get, type INestApplication, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DpopGuard, DpopModule } from 'nestjs-dpop';
import { bareVerify } from '../load/bare-verify.js';
import { BenchClient } from '../load/bench-client.js';
import { createExpressJwtBearer } from '../load/peers.js';
import { ORIGIN } from '../load/protected-service.js';
import type { StartOptions } from './messages.js';

const ANSWER = { balance: 42 };
const client = new BenchClient();
const verifyOne = bareVerify(client.publicKey, [client.createProof({ htu: ORIGIN, token: 'none' })]);

@Controller()
class AccountsController {
  @Get('open')
  open() {
    return ANSWER;
  }

  /** Open; verifies one prepared signature. The minimum for a DPoP service. */
  @Get('floor')
  floor() {
    void verifyOne();
    return ANSWER;
  }

  @UseGuards(DpopGuard)
  @Get('guarded')
  guarded() {
    return ANSWER;
  }

  /** Protected by the middleware of the peer, on Express. */
  @Get('peer')
  peer() {
    return ANSWER;
  }
}

/** An app with the same route four times: open, with one signature verified, with the guard, with the peer. */
export async function createBenchApp({
  platform,
  accessToken,
  issuer,
}: StartOptions): Promise<INestApplication> {
  @Module({
    imports: [DpopModule.forRoot({ origin: ORIGIN, accessToken })],
    controllers: [AccountsController],
  })
  class AppModule {}

  const quiet = { logger: false } as const;
  if (platform === 'fastify') {
    return await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), quiet);
  }
  const app = await NestFactory.create(AppModule, new ExpressAdapter(), quiet);
  app.use('/peer', createExpressJwtBearer(issuer));
  return app;
}
