import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DpopModule, DpopVerifier } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';

const ORIGIN = 'https://api.test';
const REQUESTS = 400;
/** Far more than what is remembered of one request, far less than the proof or the token of one. */
const MAX_RETAINED_BYTES = 3500;
const FILLER = 'x'.repeat(5000);

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapUsed(): number {
  // Twice: what the first run finalises, the second one frees.
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

describe('what is remembered of a request does not keep the request', () => {
  async function retainedBytes(
    sendOne: (index: number, issuer: TestIssuer, client: TestClient) => Promise<readonly [string, string]>,
  ): Promise<number> {
    const issuer = await TestIssuer.create();
    const client = await TestClient.create();

    @Module({ imports: [DpopModule.forRoot({ origin: ORIGIN, accessToken: issuer.accessToken })] })
    class AppModule {}

    const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
    const verifier = app.get(DpopVerifier);
    const send = async (index: number) => {
      const [token, proof] = await sendOne(index, issuer, client);
      const rawHeaders = ['Authorization', `DPoP ${token}`, 'DPoP', proof];
      await verifier.verify({ method: 'GET', target: '/a', rawHeaders });
    };
    for (let i = 0; i < 50; i += 1) await send(-1 - i);
    const before = heapUsed();
    for (let i = 0; i < REQUESTS; i += 1) await send(i);
    const retained = (heapUsed() - before) / REQUESTS;
    await app.close();
    return retained;
  }

  const proofOf = (client: TestClient, token: string, header: object, claims: object = {}) =>
    client.createProof({
      method: 'GET',
      url: `${ORIGIN}/a`,
      token,
      header: { ...header },
      claims: { ...claims },
    });

  test('the key of a client: not the proof that it came with', async () => {
    let token: Promise<string> | undefined;
    const retained = await retainedBytes(async (index, issuer, client) => {
      token ??= issuer.issueToken({ client });
      return [await token, await proofOf(client, await token, { kid: `${index}` }, { filler: FILLER })];
    });
    expect(retained).toBeLessThan(MAX_RETAINED_BYTES);
  });

  test('the claims of a token: not the token', async () => {
    const retained = await retainedBytes(async (_index, issuer, client) => {
      const token = await issuer.issueToken({ client, header: { filler: FILLER } });
      return [token, await proofOf(client, token, {})];
    });
    expect(retained).toBeLessThan(MAX_RETAINED_BYTES);
  });
});

describe('names of issuers that the app does not know (B10)', () => {
  test('10,000 of them are not kept, and nothing is fetched', async () => {
    const issuer = await TestIssuer.create();
    const fetched: string[] = [];
    let lookups = 0;
    const accessToken = {
      maxIssuers: 100,
      resolveIssuer: (name: string) => {
        lookups += 1;
        const fetch = (url: string) => Promise.reject(fetched.push(url));
        return name === issuer.issuer ? { ...issuer.accessToken, fetch } : undefined;
      },
    };

    @Module({ imports: [DpopModule.forRoot({ origin: ORIGIN, accessToken })] })
    class AppModule {}

    const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
    const verifier = app.get(DpopVerifier);
    const [header, , signature] = (await issuer.issueToken()).split('.');
    const present = async (index: number) => {
      const iss = `https://issuer-${index}.test/`.padEnd(1000, 'x');
      const token = `${header}.${Buffer.from(JSON.stringify({ iss })).toString('base64url')}.${signature}`;
      const rawHeaders = ['Authorization', `DPoP ${token}`, 'DPoP', 'proof'];
      await expect(verifier.verify({ method: 'GET', target: '/a', rawHeaders })).rejects.toMatchObject({
        reason: 'token_issuer',
      });
    };
    for (let index = -200; index < 0; index += 1) await present(index);
    const before = heapUsed();
    for (let index = 0; index < 10_000; index += 1) await present(index);
    const grownBytes = heapUsed() - before;
    await app.close();
    expect(lookups).toBe(10_200);
    expect(fetched).toStrictEqual([]);
    // The names alone would be 10 MB.
    expect(grownBytes).toBeLessThan(2_000_000);
  });
});
