import { describe, expect, test } from '@jest/globals';
import type { DpopModuleOptions } from 'nestjs-dpop';
import { createConfig } from '../config/dpop-config.js';
import { fapi2 } from './fapi2.js';
import { mcp } from './mcp.js';

const GOOD: DpopModuleOptions = {
  origin: 'https://mcp.example.com',
  accessToken: { issuer: 'https://auth.example.com', audience: 'https://mcp.example.com/mcp' },
};

const messageOf = (changes: object): string => {
  try {
    mcp({ ...GOOD, ...changes });
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as TypeError).message;
  }
  return 'no error';
};

describe('mcp (C11)', () => {
  test('sets the window, refuses queries in htu, and serves metadata', () => {
    const options = mcp(GOOD);
    expect(options).toEqual({
      ...GOOD,
      proof: { queryInHtu: 'reject', maxAgeSeconds: 300, futureToleranceSeconds: 300 },
      metadata: {},
    });
    expect(Object.isFrozen(options) && Object.isFrozen(options.proof)).toBe(true);
    expect(createConfig(options)).toMatchObject({
      proof: { queryInHtu: 'reject', maxAgeSeconds: 300, futureToleranceSeconds: 300 },
      proofLifetimeSeconds: 600,
      challenge: { resourceMetadata: expect.anything() },
    });
  });

  test('keeps what is stricter, and the metadata of the app', () => {
    const metadata = { resource: 'https://mcp.example.com/mcp' };
    const proof = { maxAgeSeconds: 60, futureToleranceSeconds: 0, algorithms: ['ES256'] };
    expect(mcp({ ...GOOD, proof, metadata })).toEqual({
      ...GOOD,
      proof: { ...proof, queryInHtu: 'reject' },
      metadata,
    });
    // FAPI 2.0 has the narrower window of the two.
    const both = fapi2(mcp({ ...GOOD, proof: { futureToleranceSeconds: 60 } }));
    expect(createConfig(both).proof).toMatchObject({ maxAgeSeconds: 300, futureToleranceSeconds: 60 });
  });

  test.each([
    [
      { proof: { queryInHtu: 'ignore' } },
      'mcp() proof.queryInHtu must be "reject" or left out: MCP takes no htu with a query; it is "ignore"',
    ],
    [
      { proof: { maxAgeSeconds: 301 } },
      'mcp() proof.maxAgeSeconds must be an integer from 1 to 300; it is 301',
    ],
    [
      { proof: { futureToleranceSeconds: 301 } },
      'mcp() proof.futureToleranceSeconds must be an integer from 0 to 300; it is 301',
    ],
    [
      { nonce: { mode: 'required', freshness: 'nonce' } },
      'mcp() nonce.freshness must be "iat" or left out: MCP limits iat to 300 seconds; it is "nonce"',
    ],
  ])('refuses %j', (changes, message) => {
    expect(messageOf(changes)).toBe(message);
  });

  test('leaves what is no option to the module, and takes an object alone', () => {
    const proof = 'strict' as unknown as object;
    const nonce = { mode: 'required', freshness: 'iat' } as const;
    expect(mcp({ ...GOOD, nonce }).nonce).toBe(nonce);
    expect(mcp({ ...GOOD, proof }).proof).toBe(proof);
    expect(() => createConfig(mcp({ ...GOOD, proof }))).toThrow(TypeError);
    expect(() => mcp(undefined as unknown as DpopModuleOptions)).toThrow(
      'mcp() must be given an object, the options of DpopModule',
    );
  });
});
