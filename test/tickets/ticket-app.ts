import { All, Controller, Get, Inject, Param, Post, Req, type Type, UseGuards } from '@nestjs/common';
import {
  Dpop,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  type DpopTicket,
  DpopTickets,
  type DpopVerdict,
  RequireScopes,
} from 'nestjs-dpop';
import type { TestClient } from 'nestjs-dpop/testing';
import { type Answer, call, send } from '../support/call.js';
import type { Platform } from '../support/platforms.js';
import { createRootModule } from '../support/root-module.js';
import { type RunningApp, startApp, type StartOptions } from '../support/running-app.js';

export interface TicketApp extends RunningApp {
  /** The runs of the handlers that tickets may open, by route. */
  readonly runs: string[];
}

/** Issues tickets for any path at `POST /tickets/<path>`. `/feed` and others allow tickets, `/closed` does not. */
function createTicketController(runs: string[]): Type {
  const run = (route: string, verdict: Partial<DpopVerdict> = {}): object => {
    runs.push(route);
    return { ran: route, ...verdict };
  };

  @UseGuards(DpopGuard)
  @Controller()
  class TicketController {
    constructor(@Inject(DpopTickets) private readonly tickets: DpopTickets) {}

    @Post('tickets/:path')
    create(@Req() request: object, @Param('path') path: string): Promise<DpopTicket> {
      return this.tickets.issue(request, decodeURIComponent(path));
    }

    @Dpop({ ticket: 'allow' })
    @All('feed')
    feed(
      @DpopBound() jkt: string,
      @DpopBound('hasTicket') hasTicket: boolean,
      @DpopBound('hasNonce') hasNonce: boolean,
      @DpopBound('subject') subject: string,
      @DpopBound('scopes') scopes: readonly string[],
    ): object {
      return run('feed', { jkt, hasTicket, hasNonce, subject, scopes });
    }

    @Dpop({ ticket: 'allow' })
    @Get('other')
    other(): object {
      return run('other');
    }

    @Get('closed')
    closed(): object {
      return run('closed');
    }

    @Dpop({ ticket: 'allow', nonce: 'required' })
    @Get('nonce')
    nonce(): object {
      return run('nonce');
    }

    @Dpop({ ticket: 'allow' })
    @RequireScopes('write')
    @Get('scoped')
    scoped(): object {
      return run('scoped');
    }

    @Dpop({ ticket: 'allow', bearer: 'allow-unbound' })
    @All('migrating')
    migrating(@DpopBound('scheme') scheme: 'Bearer', @DpopBound('jkt') jkt: string | undefined): object {
      return run('migrating', { scheme, jkt });
    }

    @Dpop({ bearer: 'allow-unbound' })
    @Post('migrating-tickets')
    createForBearer(@Req() request: object): Promise<DpopTicket> {
      return this.tickets.issue(request, '/migrating');
    }

    @Dpop({ ticket: 'allow' })
    @Get('begets')
    begets(@Req() request: object): Promise<DpopTicket> {
      return this.tickets.issue(request, '/feed');
    }
  }
  return TicketController;
}

export async function startTicketApp(
  platform: Platform,
  dpop: DpopModuleOptions,
  options: StartOptions & { readonly controllers?: readonly Type[] } = {},
): Promise<TicketApp> {
  const runs: string[] = [];
  const controllers = [createTicketController(runs), ...(options.controllers ?? [])];
  const app = await startApp(
    platform,
    createRootModule({ dpop: DpopModule.forRoot(dpop), controllers }),
    options,
  );
  return { ...app, runs };
}

/** A ticket, fetched as a client fetches it. */
export async function fetchTicket(
  app: { readonly url: string },
  client: TestClient,
  token: string,
  path = '/feed',
  nonce?: string,
): Promise<string> {
  const { status, body } = await requestTicket(app, client, token, path, nonce);
  if (status !== 201) throw new Error(`no ticket: ${status} ${JSON.stringify(body)}`);
  return (body as DpopTicket).ticket;
}

export function requestTicket(
  app: { readonly url: string },
  client: TestClient,
  token: string,
  path = '/feed',
  nonce?: string,
): Promise<Answer> {
  const target = `/tickets/${encodeURIComponent(path)}`;
  return call(app, client, { method: 'POST', path: target, token, ...(nonce !== undefined && { nonce }) });
}

/** Opens a route with a ticket, as `EventSource` does. */
export function redeem(
  app: { readonly url: string },
  ticket: string,
  path = '/feed',
  init?: RequestInit,
): Promise<Answer> {
  return send(`${app.url}${path}?ticket=${ticket}`, init);
}
