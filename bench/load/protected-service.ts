import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type DpopError,
  DpopModule,
  type DpopModuleOptions,
  type DpopRequest,
  DpopVerifier,
} from 'nestjs-dpop';
import { TestIssuer } from 'nestjs-dpop/testing';
import { concurrently } from '../concurrently.js';
import type { Side } from '../rounds.js';
import { BenchClient } from './bench-client.js';

export const ORIGIN = 'https://api.test';
export const TARGET = '/accounts';
export const LANES = 16;

/** The token and the proof of a request. */
export interface BenchRequest {
  readonly token: string;
  readonly proof: string;
}

/** A client, and a token that is bound to its key. */
export interface Holder {
  readonly client: BenchClient;
  readonly token: string;
}

export async function createHolder(issuer: TestIssuer): Promise<Holder> {
  const client = new BenchClient();
  return { client, token: await issuer.issueToken({ jkt: client.jkt }) };
}

export async function createHolders(issuer: TestIssuer, count: number): Promise<readonly Holder[]> {
  const holders: Holder[] = [];
  for (let i = 0; i < count; i += 1) holders.push(await createHolder(issuer));
  return holders;
}

export function freshRequest({ client, token }: Holder): BenchRequest {
  return { token, proof: client.createProof({ htu: ORIGIN + TARGET, token }) };
}

export function freshRequests(holder: Holder, count: number): readonly BenchRequest[] {
  return Array.from({ length: count }, () => freshRequest(holder));
}

/** The headers of an ordinary client. */
export function toDpopRequest({ token, proof }: Partial<BenchRequest>): DpopRequest {
  return {
    method: 'GET',
    target: TARGET,
    rawHeaders: [
      ...['Host', 'api.test', 'User-Agent', 'bench', 'Accept', '*/*', 'Connection', 'keep-alive'],
      ...(token === undefined ? [] : ['Authorization', asReceived(`DPoP ${token}`)]),
      ...(proof === undefined ? [] : ['DPoP', asReceived(proof)]),
    ],
  };
}

/** A flat string, as an HTTP parser creates it. V8 would flatten a concatenated string during the measurement. */
export function asReceived(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

/** `nestjs-dpop` with the configuration of an app, without HTTP. */
export class ProtectedService {
  private constructor(
    private readonly verifier: DpopVerifier,
    readonly close: () => Promise<void>,
  ) {}

  static async start(
    issuer: TestIssuer,
    options: Partial<DpopModuleOptions> = {},
  ): Promise<ProtectedService> {
    @Module({
      imports: [DpopModule.forRoot({ origin: ORIGIN, accessToken: issuer.accessToken, ...options })],
    })
    class ServiceModule {}
    const app = await NestFactory.createApplicationContext(ServiceModule, { logger: false });
    return new ProtectedService(app.get(DpopVerifier), () => app.close());
  }

  async acceptAll(requests: readonly DpopRequest[]): Promise<void> {
    await concurrently(requests, LANES, (request) => this.verifier.verify(request));
  }

  /** @param reason the expected reason; `undefined` if the requests must be accepted */
  async expectAll(requests: readonly DpopRequest[], reason: string | undefined): Promise<void> {
    await concurrently(requests, LANES, async (request) => {
      const refused = await this.verifier.verify(request).then(
        () => undefined,
        (error: DpopError) => error.reason,
      );
      if (refused !== reason)
        throw new Error(`expected ${reason ?? 'acceptance'}, got ${refused ?? 'acceptance'}`);
    });
  }

  /** A side of a comparison, whose requests are all accepted. */
  side(
    name: string,
    requests: (count: number) => readonly BenchRequest[] | Promise<readonly BenchRequest[]>,
  ): Side {
    return {
      name,
      prepare: async (count) => {
        const presented = (await requests(count)).map(toDpopRequest);
        return () => this.acceptAll(presented);
      },
    };
  }
}
