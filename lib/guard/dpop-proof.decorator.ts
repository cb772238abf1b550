import type { Type } from '@nestjs/common';
import { assertKnownNames, assertObject, assertOneOf } from '../errors/option-asserts.js';
import { overlayProofPolicy, type ProofPolicy } from '../verification/proof-policy.js';
import { refuseRepetition, type RouteDecorator, RouteMetadata } from './route-metadata.js';

/** @internal The metadata of `@DpopProof`. */
export const proofMetadata = new RouteMetadata<Partial<ProofPolicy>>(
  '@DpopProof',
  refuseRepetition('@DpopProof', 'give all members in one'),
);

/**
 * What an endpoint of an authorization server requires of proofs, where it differs from the options of the module. The
 * decorator of the handler takes precedence over that of its class. `DpopProofGuard` enforces it.
 *
 * @example
 * ```ts
 * @DpopProof({ absentProof: 'accept' })
 * @Post('par')
 * push() {}
 * ```
 * @throws TypeError for an unknown name or value, or for a second one on the same target
 */
export const DpopProof = (policy: Partial<ProofPolicy> = {}): RouteDecorator => {
  assertObject(policy, '@DpopProof()');
  assertKnownNames(policy, '@DpopProof()', ['absentProof', 'nonce']);
  const { absentProof, nonce } = policy;
  if (absentProof !== undefined) assertOneOf(absentProof, '@DpopProof() absentProof', ['refuse', 'accept']);
  if (nonce !== undefined) assertOneOf(nonce, '@DpopProof() nonce', ['off', 'required']);
  return proofMetadata.decorate(Object.freeze({ ...policy }));
};

/** @internal The policy of an endpoint: handler over class over server. */
export function proofPolicyOf(handler: object, controller: Type, server: ProofPolicy): ProofPolicy {
  return [controller, handler].reduce<ProofPolicy>(
    (lower, target) => overlayProofPolicy(lower, readProofPolicy(target) ?? {}),
    server,
  );
}

/** @internal What stands on a handler or a class; a class inherits that of its base class. */
export function readProofPolicy(target: object): Partial<ProofPolicy> | undefined {
  return Reflect.getMetadata(proofMetadata.key, target) as Partial<ProofPolicy> | undefined;
}
