import { describe, expect, test } from '@jest/globals';
import type { ProofPolicy } from '../verification/proof-policy.js';
import { DpopProof, proofPolicyOf, readProofPolicy } from './dpop-proof.decorator.js';

const SERVER: ProofPolicy = { absentProof: 'refuse', nonce: 'off' };

@DpopProof({ nonce: 'required' })
class EndpointsController {
  @DpopProof({ absentProof: 'accept' })
  push(): void {}

  @DpopProof({ absentProof: 'refuse', nonce: 'off' })
  issue(): void {}

  revoke(): void {}
}

class SubController extends EndpointsController {}

const policyOf = (handler: 'push' | 'issue' | 'revoke', controller = EndpointsController): ProofPolicy =>
  proofPolicyOf(EndpointsController.prototype[handler], controller, SERVER);

describe('the policy of an endpoint (G1)', () => {
  test('is that of the handler over that of the class over that of the server', () => {
    expect(policyOf('push')).toEqual({ absentProof: 'accept', nonce: 'required' });
    expect(policyOf('issue')).toEqual({ absentProof: 'refuse', nonce: 'off' });
    expect(policyOf('revoke')).toEqual({ absentProof: 'refuse', nonce: 'required' });
    expect(policyOf('revoke', SubController)).toEqual({ absentProof: 'refuse', nonce: 'required' });
  });

  test('is frozen on its target, and a copy of what was given', () => {
    const given: { nonce: 'off' | 'required' } = { nonce: 'required' };
    class Copied {}
    DpopProof(given)(Copied);
    given.nonce = 'off';
    expect(readProofPolicy(Copied)).toEqual({ nonce: 'required' });
    expect(Object.isFrozen(readProofPolicy(Copied))).toBe(true);
    class Empty {}
    DpopProof()(Empty);
    expect(readProofPolicy(Empty)).toEqual({});
    expect(readProofPolicy(class {})).toBeUndefined();
  });
});

describe('@DpopProof is refused (I4)', () => {
  test.each([
    [[null], '@DpopProof() must be an object; it is null'],
    [[{ nonces: 'off' }], '@DpopProof() has no option "nonces"; known: absentProof, nonce'],
    [[{ absentProof: 'allow' }], '@DpopProof() absentProof must be "refuse" or "accept"; it is "allow"'],
    [[{ nonce: 'on' }], '@DpopProof() nonce must be "off" or "required"; it is "on"'],
  ])('with %j', (given, words) => {
    expect(() => DpopProof(...(given as never[]))).toThrow(new TypeError(words));
  });

  test('twice on one target, where one of two policies would be dropped', () => {
    class Twice {}
    DpopProof({ nonce: 'required' })(Twice);
    expect(() => DpopProof({ absentProof: 'accept' })(Twice)).toThrow(
      new TypeError('@DpopProof() must be used once on a handler or a class; give all members in one'),
    );
  });

  test('on what is neither a method nor a class', () => {
    expect(() => DpopProof()({}, 'name', {})).toThrow(
      new TypeError('@DpopProof() must be used on a method or on a class'),
    );
  });
});
