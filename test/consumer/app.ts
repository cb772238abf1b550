// An app as users write it. .ci/check-consumer.mjs compiles it against the packed package, in each way that TypeScript
// looks for modules.
import { Controller, Get, type INestApplication, Module, UseGuards } from '@nestjs/common';
import { type AccessTokenClaims, DpopBound, DpopGuard, DpopModule } from 'nestjs-dpop';
import { introspection } from 'nestjs-dpop/introspection';
import { DpopTelemetry } from 'nestjs-dpop/opentelemetry';
import { DpopIoAdapter } from 'nestjs-dpop/platform-socket.io';
import { DpopWsAdapter } from 'nestjs-dpop/platform-ws';
import { RedisStorage } from 'nestjs-dpop/redis';
import { documentDpop } from 'nestjs-dpop/swagger';
import { SecurityEventsModule } from 'nestjs-dpop/security-events';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';

@UseGuards(DpopGuard)
@Controller('accounts')
class AccountsController {
  @Get()
  list(@DpopBound() jkt: string, @DpopBound('claims') claims: AccessTokenClaims): unknown {
    return { jkt, subject: claims.sub };
  }
}

const options = {
  origin: 'https://api.example.com',
  accessToken: { issuer: 'https://auth.example.com', audience: 'https://api.example.com' },
};

@Module({
  controllers: [AccountsController],
  imports: [DpopModule.forRoot({ ...options, storage: new RedisStorage('redis://localhost') })],
})
export class AppModule {}

export const kit = [TestClient, TestIssuer, SecurityEventsModule, DpopTelemetry, documentDpop];

export const adapters = (app: INestApplication): unknown[] => [
  new DpopIoAdapter(app, { polling: true }),
  new DpopWsAdapter(app),
];

export const introspected = introspection({
  accessToken: options.accessToken,
  client: { id: 'api', secret: 'secret' },
});

// @ts-expect-error What is not found has no types, and would take anything.
export const wrong = (): unknown => DpopModule.forRoot({ ...options, proof: { maxAge: 60 } });
