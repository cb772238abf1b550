import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Dpop, DpopBound, RequireScopes } from 'nestjs-dpop';

/** For socket.io, in its main namespace. */
@Dpop({ ticket: 'allow' })
@WebSocketGateway()
export class RoomsGateway {
  @SubscribeMessage('whoami')
  whoami(@DpopBound() jkt: string) {
    return { key: jkt };
  }
}

/** A namespace on the same connection, which the token needs a scope for. */
@RequireScopes('admin')
@WebSocketGateway({ namespace: 'admin' })
export class AdminGateway {}
