import type { Gateway } from '../handshake/gateway-policies.js';
import { isReportOnly } from '../verification/policy.js';

/** How the gateways of one server are protected, taken together. */
export interface ServerRules {
  /** Whether anything may be refused. Not if all gateways are open or only report. */
  readonly refuses: boolean;
  /** Whether a gateway only reports: the connection, which it shares with the others, must not be closed then. */
  readonly reports: boolean;
}

/** A server without gateways refuses: it must meet the policy of the service. */
export function rulesOf(gateways: readonly Gateway[]): ServerRules {
  const closed = gateways.map(({ policy }) => policy).filter((policy) => policy !== undefined);
  return {
    refuses: gateways.length === 0 || closed.some((policy) => !isReportOnly(policy)),
    reports: closed.some(isReportOnly),
  };
}
