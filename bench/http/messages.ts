import type { JwtAccessTokenOptions } from 'nestjs-dpop';
import type { TestIssuer } from 'nestjs-dpop/testing';

export type Platform = 'express' | 'fastify';

export interface StartOptions {
  readonly platform: Platform;
  readonly accessToken: JwtAccessTokenOptions;
  /** The issuer in the form that the peer needs. */
  readonly issuer: Pick<TestIssuer, 'issuer' | 'audience' | 'keys'>;
}

/** The questions of the parent to the process of the server, and the answers. One question at a time. */
export interface Answers {
  readonly start: { readonly question: StartOptions; readonly answer: { readonly port: number } };
  /** CPU time spent so far, in microseconds. */
  readonly cpu: { readonly question: undefined; readonly answer: number };
  /** Verifies that many signatures and does nothing else. */
  readonly bareVerify: { readonly question: number; readonly answer: null };
  readonly watchLoop: { readonly question: undefined; readonly answer: null };
  readonly loopReport: { readonly question: undefined; readonly answer: LoopReport };
}

export interface LoopReport {
  /** Without the interval of the timer that measures it. */
  readonly p99DelayMs: number;
  /** The share of the time during which the loop was busy. */
  readonly utilization: number;
}

export type Question = {
  [K in keyof Answers]: { readonly kind: K; readonly content: Answers[K]['question'] };
}[keyof Answers];
