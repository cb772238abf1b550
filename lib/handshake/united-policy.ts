import type { Type } from '@nestjs/common';
import { type DpopPolicy, isReportOnly } from '../verification/policy.js';

/** A class and what it requires. */
export interface ClassPolicy {
  readonly type: Type;
  readonly policy: DpopPolicy;
}

/** Requirements that add up: a client must meet the sum. */
const SUMS = ['scopes', 'roles', 'permissions', 'authorizationDetails', 'predicates'] as const;

/** Requirements of which one policy holds only one. Each with its decorator. */
const SINGLES = {
  anyScope: '@RequireAnyScope',
  anyRole: '@RequireAnyRole',
  authentication: '@RequireAuthentication',
} as const;

/**
 * One policy that requires what each of several classes requires.
 *
 * @param classes at least one
 * @throws TypeError for requirements that have no sum
 */
export function unitePolicies(classes: readonly ClassPolicy[]): DpopPolicy {
  const policies = classes.map(({ policy }) => policy);
  return Object.freeze({
    nonce: policies.some(({ nonce }) => nonce === 'required') ? 'required' : 'off',
    bearer: policies.every(({ bearer }) => bearer === 'allow-unbound') ? 'allow-unbound' : 'reject',
    enforcement: policies.every(isReportOnly) ? 'report' : 'enforce',
    anonymous: policies.every(({ anonymous }) => anonymous === 'allow') ? 'allow' : 'reject',
    ticket: policies.every(({ ticket }) => ticket === 'allow') ? 'allow' : 'reject',
    ...compact(SUMS.map((member) => [member, sumOf(policies.map((policy) => policy[member]))])),
    ...compact(
      Object.entries(SINGLES).map(([member, decorator]) => [
        member,
        singleOf(classes, member as keyof typeof SINGLES, decorator),
      ]),
    ),
  });
}

function sumOf(lists: readonly (readonly unknown[] | undefined)[]): readonly unknown[] | undefined {
  if (lists.every((list) => list === undefined)) return undefined;
  return Object.freeze([...new Set(lists.flatMap((list) => list ?? []))]);
}

function singleOf(classes: readonly ClassPolicy[], member: keyof typeof SINGLES, decorator: string): unknown {
  const stating = classes.filter(({ policy }) => policy[member] !== undefined);
  const [first] = stating;
  if (new Set(stating.map(({ policy }) => JSON.stringify(policy[member]))).size > 1) {
    throw new TypeError(
      `${decorator}() must be the same on gateways that share a connection: ${stating.map(({ type }) => type.name).join(', ')}. ` +
        'Give the gateways paths of their own, or move the decorator to their handlers',
    );
  }
  return first?.policy[member];
}

function compact(entries: readonly (readonly [string, unknown])[]): Partial<DpopPolicy> {
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as Partial<DpopPolicy>;
}
