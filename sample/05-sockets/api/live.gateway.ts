import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Dpop, DpopBound } from 'nestjs-dpop';

/** For plain WebSockets. The adapter verifies the handshake `GET /live`, or its ticket. */
@Dpop({ ticket: 'allow' })
@WebSocketGateway({ path: '/live' })
export class LiveGateway {
  @SubscribeMessage('whoami')
  whoami(@DpopBound() jkt: string) {
    return { event: 'you', data: { key: jkt } };
  }
}
