import {
  createParamDecorator,
  type ExecutionContext,
  Controller,
  Inject,
  Post,
  Req,
  UseGuards,
} from '@nestjs/common';
import { Dpop, DpopGuard, type DpopTicket, DpopTickets } from 'nestjs-dpop';

const Context: () => ParameterDecorator = createParamDecorator(
  (_data: unknown, context: ExecutionContext) => context,
);

/** Routes that issue tickets to requests without an enforced verdict, which is a mistake of the app. */
@Controller('unverified')
export class UnverifiedTicketsController {
  constructor(@Inject(DpopTickets) private readonly tickets: DpopTickets) {}

  @Post('unguarded')
  unguarded(@Req() request: object): Promise<DpopTicket> {
    return this.tickets.issue(request, '/feed');
  }

  @Post('context')
  ofContext(@Context() context: ExecutionContext): Promise<DpopTicket> {
    return this.tickets.issue(context, '/feed');
  }

  @UseGuards(DpopGuard)
  @Dpop({ anonymous: 'allow' })
  @Post('anonymous')
  anonymous(@Req() request: object): Promise<DpopTicket> {
    return this.tickets.issue(request, '/feed');
  }

  @UseGuards(DpopGuard)
  @Dpop({ enforcement: 'report' })
  @Post('reported')
  reported(@Req() request: object): Promise<DpopTicket> {
    return this.tickets.issue(request, '/feed');
  }
}
