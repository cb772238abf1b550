import {
  createParamDecorator,
  type ExecutionContext,
  Logger,
  type PipeTransform,
  type Type,
} from '@nestjs/common';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { assertOneOf } from '../errors/option-asserts.js';
import { OperatorLog } from '../telemetry/operator-log.js';
import { placeOf } from '../transport/route-name.js';
import { transportOf } from '../transport/transport.js';
import { isAnonymous, proofOn } from '../verification/request-record.js';
import type { DpopVerdict } from '../verification/verdict.js';
import { toFailureException } from './failure-exception.js';
import { getDpopVerdict } from './get-dpop-verdict.js';
import { toTransportException } from './transport-exception.js';

const VERDICT_KEYS = Object.keys({
  scheme: true,
  jkt: true,
  claims: true,
  issuer: true,
  subject: true,
  clientId: true,
  scopes: true,
  roles: true,
  clientRoles: true,
  permissions: true,
  token: true,
  hasNonce: true,
  hasTicket: true,
  nextNonce: true,
  enforced: true,
  unmet: true,
} satisfies Record<keyof DpopVerdict, true>);

const readVerdict = (key: keyof DpopVerdict | undefined, context: ExecutionContext): unknown => {
  const verdict = getDpopVerdict(context);
  if (verdict !== undefined) return verdict[key ?? 'jkt'];
  const request = transportOf(context)?.request;
  const proof = proofOn(request);
  // An endpoint of an authorization server: there is no access token to tell about.
  if (proof !== undefined && (key === undefined || key === 'jkt')) return proof.verdict?.jkt;
  if (isAnonymous(request)) return undefined;
  throw refuseWithoutVerdict(context, proof === undefined ? NO_VERDICT : NO_TOKEN);
};

const NO_VERDICT =
  '@DpopBound() found no verdict, since no DpopGuard let this request through: put @UseGuards(DpopGuard) on the route; ' +
  'where another guard may let a request in, read the verdict only if DpopGuard did; ' +
  'in tests keep the guard and send requests with the TestClient of nestjs-dpop/testing, or replace it by its TestGuard';
const NO_TOKEN =
  '@DpopBound() with a key other than jkt found no access token: DpopProofGuard verifies a proof alone; use @DpopBound() there';

const bind = createParamDecorator(readVerdict);

/** @internal What `@DpopBound` hands to a parameter; `undefined` for a parameter without it. */
export function boundKeyOf(parameter: unknown): keyof DpopVerdict | undefined {
  const { factory, data } = (parameter ?? {}) as { readonly factory?: unknown; readonly data?: unknown };
  return factory === readVerdict ? ((data ?? 'jkt') as keyof DpopVerdict) : undefined;
}

const logger = new Logger('DpopBound');

function refuseWithoutVerdict(context: ExecutionContext, advice: string): Error {
  const failure = new DpopUnavailableError('verdict_missing', { advice });
  const { request, response } = transportOf(context) ?? {};
  OperatorLog.ofRequest(request).failed(
    (level, text) => logger[level](text),
    failure,
    placeOf(context, request),
  );
  return toTransportException(context, toFailureException(failure, response));
}

/**
 * Hands the verified thumbprint of the client's key to a handler or, with a key, another part of the verdict. A route
 * without `DpopGuard` has no verdict and answers 503. For a request that `anonymous: 'allow'` let through, all is `undefined`.
 * Behind `DpopProofGuard`, `@DpopBound()` hands over the thumbprint of the key of the proof, or `undefined` if there was no
 * proof and the endpoint needs none; any other key ends the start there.
 *
 * @example
 * ```ts
 * @Get('accounts')
 * list(@DpopBound() jkt: string, @DpopBound('claims') claims: AccessTokenClaims) {}
 * ```
 * @throws TypeError for a key that no verdict has
 */
export const DpopBound = (
  key?: keyof DpopVerdict,
  ...pipes: (Type<PipeTransform> | PipeTransform)[]
): ParameterDecorator => {
  // A misspelt key would always hand out undefined.
  if (key !== undefined) assertOneOf(key, '@DpopBound()', VERDICT_KEYS);
  return bind(key, ...pipes);
};
