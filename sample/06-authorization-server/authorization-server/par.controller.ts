import { Body, Controller, Headers, Inject, Post, UseGuards } from '@nestjs/common';
import { DpopBound, DpopProof, DpopProofGuard } from 'nestjs-dpop';
import { AuthorizationRequests } from './authorization-requests.js';
import { Clients } from './clients.js';
import type { Form } from './form.js';

/** Pushed authorization requests (RFC 9126). A proof is optional: a client may send `dpop_jkt` instead (RFC 9449 §10.1). */
@UseGuards(DpopProofGuard)
@DpopProof({ absentProof: 'accept' })
@Controller('par')
export class ParController {
  constructor(
    @Inject(Clients) private readonly clients: Clients,
    @Inject(AuthorizationRequests) private readonly requests: AuthorizationRequests,
  ) {}

  @Post()
  push(
    @Body() form: Form = {},
    @DpopBound() jkt: string | undefined,
    @Headers('authorization') authorization?: string,
  ): object {
    return this.requests.push(form, this.clients.authenticate(authorization, form), jkt);
  }
}
