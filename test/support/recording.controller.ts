import { All, Controller, type Get, Req, type Type, UseGuards } from '@nestjs/common';
import {
  Dpop,
  DpopBound,
  DpopGuard,
  type DpopVerdict,
  Require,
  RequireAnyRole,
  RequireAnyScope,
  RequireAuthentication,
  RequireAuthorizationDetails,
  RequirePermissions,
  RequireRoles,
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
 * a recent strong authentication, `/nonce` a nonce, and `/any-scope`, `/roles`, `/any-role`, `/permissions`, `/payments` and
 * `/tenant` other rights; everything else, on any path and by any method, nothing more.
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

    @RequireAnyScope('accounts:write', 'accounts:admin')
    @All('any-scope')
    anyScope(@Req() request: unknown, @DpopBound() jkt: string, @DpopBound('scheme') scheme: 'DPoP') {
      return record('any-scope', request, { jkt, scheme });
    }

    @RequireRoles('admin', 'auditor')
    @All('roles')
    roles(@Req() request: unknown, @DpopBound() jkt: string, @DpopBound('scheme') scheme: 'DPoP') {
      return record('roles', request, { jkt, scheme });
    }

    @RequireAnyRole('admin', { client: 'constructor', role: 'name' })
    @All('any-role')
    anyRole(@Req() request: unknown, @DpopBound() jkt: string, @DpopBound('scheme') scheme: 'DPoP') {
      return record('any-role', request, { jkt, scheme });
    }

    @RequirePermissions('read:all')
    @All('permissions')
    permissions(@Req() request: unknown, @DpopBound() jkt: string, @DpopBound('scheme') scheme: 'DPoP') {
      return record('permissions', request, { jkt, scheme });
    }

    @RequireAuthorizationDetails('payment', ({ amount }) => amount === 10)
    @All('payments')
    payments(@Req() request: unknown, @DpopBound() jkt: string, @DpopBound('scheme') scheme: 'DPoP') {
      return record('payments', request, { jkt, scheme });
    }

    @Require(async ({ claims }) => await Promise.resolve(claims['tenant'] === 'acme'))
    @All('tenant')
    tenant(@Req() request: unknown, @DpopBound() jkt: string, @DpopBound('scheme') scheme: 'DPoP') {
      return record('tenant', request, { jkt, scheme });
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
