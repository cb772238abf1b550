/** One process of the fleet: a small API that a test starts, and asks what it decided. */
import type { AddressInfo } from 'node:net';
import { Controller, HttpCode, Module, Post, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DpopGuard, DpopModule } from '../../lib/index.js';
import { RedisDenyList, RedisStorage } from '../../lib/redis/index.js';
import { AnswerTimes } from './answer-times.js';
import type { FleetQuestion, WorkerOptions } from './fleet.js';

@UseGuards(DpopGuard)
@Controller('transfers')
class TransfersController {
  @HttpCode(200)
  @Post()
  transfer(): { readonly done: true } {
    return { done: true };
  }
}

async function start({ origin, accessToken, source, storage, denyList }: WorkerOptions) {
  @Module({
    imports: [
      DpopModule.forRoot({
        origin,
        accessToken,
        storage: new RedisStorage(source, storage),
        ...(denyList !== undefined && { revocation: new RedisDenyList(source, denyList) }),
      }),
    ],
    controllers: [TransfersController],
  })
  class WorkerModule {}

  const app = await NestFactory.create(WorkerModule, { logger: false, forceCloseConnections: true });
  await app.listen(0, '127.0.0.1');
  return app;
}

const answerTimes = new AnswerTimes();

process.once('message', async (options: WorkerOptions) => {
  const app = await start(options);
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  process.on('message', async (question: FleetQuestion) => {
    if (question === 'answer times') process.send?.(answerTimes.take());
    if (question !== 'end') return;
    await app.close();
    process.disconnect();
  });
  process.send?.(port);
});
