import { createParamDecorator, type ExecutionContext, type PipeTransform, type Type } from '@nestjs/common';
import type { DpopVerdict } from '../dpop.verdict.js';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { DpopHttpException } from '../http/dpop-http.exception.js';
import { assertOneOf } from '../option-asserts.js';
import { transportOf } from '../http/transport.js';
import { verdictOn } from '../request-record.js';

const VERDICT_KEYS = Object.keys({
  scheme: true,
  jkt: true,
  claims: true,
  issuer: true,
  subject: true,
  clientId: true,
  scopes: true,
  token: true,
  hasNonce: true,
  nextNonce: true,
} satisfies Record<keyof DpopVerdict, true>);

const readVerdict = (key: keyof DpopVerdict | undefined, context: ExecutionContext): unknown => {
  const verdict = findVerdict(context);
  if (verdict === undefined) {
    throw new DpopHttpException(
      new DpopUnavailableError('verdict_missing', { advice: '@DpopBound() needs DpopGuard on the route' }),
    );
  }
  return verdict[key ?? 'jkt'];
};

const bind = createParamDecorator(readVerdict);

/** @internal Whether the metadata of a parameter are those of `@DpopBound`. */
export function isBoundParameter(parameter: unknown): boolean {
  return (parameter as { readonly factory?: unknown } | null | undefined)?.factory === readVerdict;
}

/**
 * Hands the verified thumbprint of the client's key to a handler or, with a key, another part of the verdict. A route
 * without `DpopGuard` answers 503: there is no verdict to be had.
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
  // A misspelt key would hand out undefined for ever.
  if (key !== undefined) assertOneOf(key, '@DpopBound()', VERDICT_KEYS);
  return bind(key, ...pipes);
};

/** A guard for a transport of its own leaves the verdict on whatever it took for the request: one of the arguments. */
function findVerdict(context: ExecutionContext): DpopVerdict | undefined {
  return [transportOf(context)?.request, ...context.getArgs<unknown[]>()]
    .map(verdictOn)
    .find((verdict) => verdict !== undefined);
}
