import type { AddressInfo } from 'node:net';
import { type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { bareVerify } from '../load/bare-verify.js';
import { BenchClient } from '../load/bench-client.js';
import { ORIGIN } from '../load/protected-service.js';
import { ownCpuMicros } from '../rounds.js';
import { createBenchApp } from './app.js';
import type { LoopReport, Question, StartOptions } from './messages.js';

// The process under test has only the server. The parent creates the load and the proofs.

const TIMER_MS = 1;
let histogram: IntervalHistogram | undefined;
let since = performance.eventLoopUtilization();
const client = new BenchClient();
const proofs = Array.from({ length: 1000 }, () => client.createProof({ htu: ORIGIN, token: 'none' }));

process.on('message', (question: Question) => {
  void answer(question).then((content) => process.send?.({ content }));
});
process.on('disconnect', () => process.exit());

async function answer(question: Question): Promise<unknown> {
  if (question.kind === 'start') return { port: await listen(question.content) };
  if (question.kind === 'bareVerify') return await verifyBare(question.content);
  if (question.kind === 'watchLoop') return watchLoop();
  if (question.kind === 'loopReport') return loopReport();
  return ownCpuMicros();
}

async function verifyBare(count: number): Promise<null> {
  for (let left = count; left > 0; left -= proofs.length) {
    await bareVerify(client.publicKey, proofs.slice(0, left))();
  }
  return null;
}

async function listen(options: StartOptions): Promise<number> {
  const app = await createBenchApp(options);
  await app.listen(0, '127.0.0.1');
  return (app.getHttpServer() as { address(): AddressInfo }).address().port;
}

function watchLoop(): null {
  histogram = monitorEventLoopDelay({ resolution: TIMER_MS });
  histogram.enable();
  since = performance.eventLoopUtilization();
  return null;
}

function loopReport(): LoopReport {
  histogram?.disable();
  const p99DelayMs = (histogram?.percentile(99) ?? Number.NaN) / 1e6 - TIMER_MS;
  return { p99DelayMs, utilization: performance.eventLoopUtilization(since).utilization };
}
