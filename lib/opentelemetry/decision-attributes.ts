import type { Attributes } from '@opentelemetry/api';
import type { DpopDecision } from '../telemetry/decisions.js';
import type { DpopDifference } from '../telemetry/differences.js';

/** The methods that the semantic conventions for HTTP know; any other is `_OTHER`. */
const METHODS = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'QUERY',
  'TRACE',
]);

/** What came of a request. Each value is from a closed list. */
export function outcomeAttributes({ outcome, enforced, code, reason }: DpopDecision): Attributes {
  return defined({
    'dpop.outcome': outcome,
    'dpop.enforced': enforced,
    'dpop.code': code,
    'dpop.reason': reason,
  });
}

/** What the present options and those under trial decide. Each value is from a closed list. */
export function differenceAttributes({ present, trial }: DpopDifference): Attributes {
  return defined({
    'dpop.outcome': present.outcome,
    'dpop.code': present.code,
    'dpop.reason': present.reason,
    'dpop.trial.outcome': trial.outcome,
    'dpop.trial.code': trial.code,
    'dpop.trial.reason': trial.reason,
  });
}

/** Route and method, under the names of the semantic conventions for HTTP. The app has a limited number of both. */
export function routeAttributes({ route, method }: DpopDecision): Attributes {
  const known = method === undefined || METHODS.has(method) ? method : '_OTHER';
  return defined({ 'http.request.method': known, 'http.route': route });
}

/** Whose request it was, as far as it was verified, and what the library could not check. For spans, not for metrics. */
export function spanAttributes(decision: DpopDecision): Attributes {
  return defined({
    ...outcomeAttributes(decision),
    'dpop.issuer': decision.issuer,
    'dpop.client_id': decision.clientId,
    'dpop.jkt': decision.jkt,
    'dpop.replay_checked': decision.replayChecked,
    'dpop.revocation_checked': decision.revocationChecked,
  });
}

/** One decision, for an event: a span may get several decisions, and keeps the attributes of the last one. */
export function eventAttributes(decision: DpopDecision): Attributes {
  return defined({
    ...outcomeAttributes(decision),
    ...routeAttributes(decision),
    'dpop.detail': decision.detail,
    'dpop.off_by_seconds': decision.offBySeconds,
    'dpop.handler': decision.handler,
    'dpop.duration': decision.durationMs / 1000,
  });
}

function defined(attributes: Readonly<Record<string, string | number | boolean | undefined>>): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
