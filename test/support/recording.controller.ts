import { All, Controller, type Get, Req, type Type, UseGuards } from '@nestjs/common';
import {
  Dpop,
  DpopBound,
  DpopGuard,
  type DpopVerdict,
  RequireAuthentication,
  RequireScopes,
} from 'nestjs-dpop';
import type { Platform } from './platforms.js';

/** One run of the recording handler. */
export interface RecordedCall {
  readonly route: string;
  readonly method: string;
  readonly url: string;
  readonly jkt: string | undefined;
  readonly scheme: string;
}

/**
 * A controller whose guarded handlers write down that they ran: `/scoped` needs the scope `accounts:write`, `/step-up`
 * a recent strong authentication, `/nonce` a nonce; everything else, on any path and by any method, nothing more.
 */
export function createRecordingController(
  platform: Platform,
  calls: RecordedCall[],
  Route: typeof All | typeof Get = All,
): Type {
  const wildcard = platform === 'fastify' ? '*' : '*path';

  function record(route: string, request: unknown, verdict: Pick<DpopVerdict, 'jkt' | 'scheme'>) {
    const { method, url } = request as { method: string; url: string };
    calls.push({ route, method, url, ...verdict });
    return { ran: route };
  }

  @UseGuards(DpopGuard)
  @Controller()
  class RecordingController {
    @RequireScopes('accounts:write')
    @All('scoped')
    scoped(@Req() request: unknown, @DpopBound() jkt: string, @DpopBound('scheme') scheme: 'DPoP') {
      return record('scoped', request, { jkt, scheme });
    }

    @RequireAuthentication({ acrValues: ['phr', 'phrh'], maxAgeSeconds: 300 })
    @All('step-up')
    stepUp(@Req() request: unknown, @DpopBound() jkt: string, @DpopBound('scheme') scheme: 'DPoP') {
      return record('step-up', request, { jkt, scheme });
    }

    @Dpop({ nonce: 'required' })
    @All('nonce')
    nonce(@Req() request: unknown, @DpopBound() jkt: string, @DpopBound('scheme') scheme: 'DPoP') {
      return record('nonce', request, { jkt, scheme });
    }

    @Route(['/', wildcard])
    any(@Req() request: unknown, @DpopBound() jkt: string, @DpopBound('scheme') scheme: 'DPoP') {
      return record('any', request, { jkt, scheme });
    }
  }
  return RecordingController;
}
