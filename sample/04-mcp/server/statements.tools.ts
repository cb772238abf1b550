import { UseGuards } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { McpController, Tool } from '@rekog/mcp-nest';
import { Dpop, DpopBound, DpopGuard, RequireScopes } from 'nestjs-dpop';
import { z } from 'zod';

const Transfer = z.object({ to: z.string(), amount: z.number().positive() });

/** The tools. Global guards do not reach them: the class has its own. */
@UseGuards(DpopGuard)
@McpController()
export class StatementsTools {
  /** Needs what the endpoint needs: a bound token with the scope `mcp`, and a proof. */
  @Tool({ name: 'whoami', description: 'Tells which client and key call', parameters: z.object({}) })
  whoAmI(@DpopBound() jkt: string, @DpopBound('clientId') clientId: string) {
    return { clientId, provedKey: jkt };
  }

  /** The token also needs this scope. The client learns it from the challenge. */
  @RequireScopes('statements:read')
  @Tool({ name: 'read_statements', description: 'Reads the statements', parameters: z.object({}) })
  readStatements() {
    return { statements: ['2026-01', '2026-02'] };
  }

  /** The proof also needs a nonce of this server, so that no proof can be made in advance. */
  @Dpop({ nonce: 'required' })
  @Tool({ name: 'transfer', description: 'Moves money', parameters: Transfer })
  transfer(@Payload() { to, amount }: z.infer<typeof Transfer>) {
    return { transferred: amount, to };
  }
}
