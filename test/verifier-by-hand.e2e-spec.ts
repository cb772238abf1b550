import { inspect } from 'node:util';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  DpopError,
  DpopModule,
  type DpopModuleOptions,
  DpopUnavailableError,
  type DpopVerdict,
  DpopVerifier,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { proofFor } from './support/call.js';
import { withOrigin } from './support/origin.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, startApp } from './support/running-app.js';

let issuer: TestIssuer;
let client: TestClient;
let token: string;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client, scopes: ['read'] });
});

afterEach(closeApps);

function options(overrides: Partial<DpopModuleOptions> = {}): DpopModuleOptions {
  return withOrigin({ accessToken: issuer.accessToken, ...overrides });
}

describe('DpopVerifier used directly', () => {
  async function verifierOf(overrides: Partial<DpopModuleOptions> = {}): Promise<DpopVerifier> {
    const { nest } = await startApp(
      'express',
      createRootModule({ dpop: DpopModule.forRoot(options(overrides)) }),
    );
    return nest.get(DpopVerifier);
  }

  const request = (proof: string, target = '/a?b=c') => ({
    method: 'POST',
    target,
    rawHeaders: ['Authorization', `DPoP ${token}`, 'DPoP', proof],
  });

  test('an examination shows neither token nor proof to a logger that prints it (D5)', async () => {
    const proof = await proofFor(client, { method: 'POST', token });
    const examination = (await verifierOf()).examine(request(proof));
    for (const text of [inspect(examination, { depth: 9 }), JSON.stringify(examination)]) {
      expect(text).not.toContain(token);
      expect(text).not.toContain(proof);
    }
    expect(examination.request.rawHeaders).toContain(proof);
  });

  test('a request that is asked about for as long as a socket lives ends with its token', async () => {
    let nowMs = Date.now();
    const verifier = await verifierOf({ clock: () => nowMs });
    const examination = verifier.examine(
      request(await proofFor(client, { method: 'POST', path: '/a', token })),
    );
    const policy = { nonce: 'off', bearer: 'reject' } as const;
    const verdict = await examination.authorize(policy);
    nowMs += 120_000;
    expect(await examination.authorize(policy)).toBe(verdict);
    nowMs = (verdict.claims.exp ?? 0) * 1000;
    await expect(examination.authorize(policy)).rejects.toMatchObject({ reason: 'token_expired' });
  });

  test('gives a frozen verdict for plain data, and spends the proof', async () => {
    const verifier = await verifierOf();
    const proof = await proofFor(client, { method: 'POST', path: '/a', token });
    const verdict: DpopVerdict = await verifier.verify(request(proof));
    expect(verdict).toMatchObject({
      scheme: 'DPoP',
      jkt: client.jkt,
      issuer: issuer.issuer,
      scopes: ['read'],
    });
    expect(Object.isFrozen(verdict)).toBe(true);
    await expect(verifier.verify(request(proof))).rejects.toMatchObject({
      name: 'DpopError',
      code: 'invalid_dpop_proof',
      reason: 'proof_replayed',
      status: 401,
    });
  });

  test('throws DpopError for what is refused, and takes a policy', async () => {
    const verifier = await verifierOf();
    const proof = await proofFor(client, { method: 'POST', path: '/a', token });
    await expect(verifier.verify({ method: 'GET', target: '/', rawHeaders: [] })).rejects.toBeInstanceOf(
      DpopError,
    );
    await expect(verifier.verify(request(proof, '/b'))).rejects.toMatchObject({ reason: 'proof_htu' });
    await expect(verifier.verify(request(proof), { nonce: 'required' })).rejects.toMatchObject({
      reason: 'nonce_missing',
      details: { nonce: expect.any(String) },
    });
    await expect(verifier.verify(request(proof), { scopes: ['write'] })).rejects.toMatchObject({
      reason: 'scope_insufficient',
    });
    expect(await verifier.verify(request(proof), { scopes: ['read'] })).toMatchObject({ jkt: client.jkt });
  });

  test('throws DpopUnavailableError when no verdict can be reached (D8)', async () => {
    const verifier = await verifierOf({
      origin: () => {
        throw new Error('no origin today');
      },
    });
    const proof = await proofFor(client, { method: 'POST', path: '/a', token });
    await expect(verifier.verify(request(proof))).rejects.toBeInstanceOf(DpopUnavailableError);
  });
});
