import { BadRequestException, Body, Controller, Post, Req } from '@nestjs/common';
import { type DpopTicket, DpopTickets } from 'nestjs-dpop';

const PATHS: ReadonlySet<unknown> = new Set(['/feed', '/live', '/socket.io/']);

/** Protected like any route: a ticket is issued only for a token with its proof. */
@Controller('tickets')
export class TicketsController {
  constructor(private readonly tickets: DpopTickets) {}

  @Post()
  create(@Req() request: object, @Body() { path }: { readonly path?: unknown }): Promise<DpopTicket> {
    if (typeof path !== 'string' || !PATHS.has(path)) throw new BadRequestException();
    return this.tickets.issue(request, path);
  }
}
