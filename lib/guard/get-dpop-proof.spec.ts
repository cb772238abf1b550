import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { createProofVerdict } from '../verification/proof-verdict.js';
import { leaveProof } from '../verification/request-record.js';
import { getDpopProof } from './get-dpop-proof.js';

test('the verdict of DpopProofGuard is read from the request; without it there is none (G1)', () => {
  const request = () => new IncomingMessage(new Socket());
  const [verified, without] = [request(), request()];
  const verdict = createProofVerdict('thumbprint', false, undefined);
  leaveProof(verified, verdict);
  leaveProof(without, undefined);
  const proofOf = (...args: readonly unknown[]) => getDpopProof(new ExecutionContextHost([...args]));
  expect(proofOf(verified, {})).toBe(verdict);
  expect(proofOf(without, {})).toBeUndefined();
  expect(proofOf(request(), {})).toBeUndefined();
  expect(proofOf()).toBeUndefined();
});
