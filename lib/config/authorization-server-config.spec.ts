import { describe, expect, test } from '@jest/globals';
import { createAuthorizationServerConfig } from './authorization-server-config.js';

const ISSUER = 'https://auth.example.com';
const configOf = (options: object = {}) => createAuthorizationServerConfig({ issuer: ISSUER, ...options });
const REQUEST = { method: 'POST', target: '/token', rawHeaders: [] };

describe('the options of an authorization server (I4)', () => {
  test('have defaults that require a proof', () => {
    const config = configOf();
    expect(config).toMatchObject({
      issuer: ISSUER,
      proofPolicy: { absentProof: 'refuse', nonce: 'off' },
      maxProofBytes: 8192,
      proofLifetimeSeconds: 90,
      onReplayStoreFailure: 'refuse',
      unguardedRoutes: 'error',
      logReceivedValues: false,
    });
    expect(Object.isFrozen(config)).toBe(true);
    expect(config.resolveOrigin(REQUEST)).toEqual([ISSUER]);
  });

  test.each([
    ['https://example.com/auth/tenant', undefined, 'https://example.com'],
    ['https://example.com/auth/', 'https://example.com/auth', 'https://example.com/auth'],
    ['https://EXAMPLE.com:443', undefined, 'https://example.com'],
    ['http://localhost:3000', undefined, 'http://localhost:3000'],
  ])('issuer %s and origin %s: clients sign %s', (issuer, origin, expected) => {
    const config = configOf({ issuer, ...(origin !== undefined && { origin }) });
    expect(config.issuer).toBe(issuer);
    expect(config.resolveOrigin(REQUEST)).toEqual([expected]);
  });

  test('a record outlives the proof when its nonce tells its age', () => {
    const nonce = { mode: 'required', freshness: 'nonce', lifetimeSeconds: 100 };
    expect(configOf({ nonce }).proofLifetimeSeconds).toBe(300);
  });

  test('nonces are bound to the issuer, and never to what a resource server can be', () => {
    const service = ({ nonce }: ReturnType<typeof configOf>): unknown => JSON.parse(nonce.service);
    expect(service(configOf())).toEqual({ authorizationServer: ISSUER, freshness: 'iat' });
    expect(service(configOf({ issuer: 'https://other.example.com' }))).not.toEqual(service(configOf()));
    expect(service(configOf({ nonce: { mode: 'off', freshness: 'nonce' } }))).not.toEqual(
      service(configOf()),
    );
  });

  test.each<[object, string]>([
    [{ issuer: undefined }, 'issuer must be an https URL such as "https://auth.example.com", '],
    [{ issuer: 'auth.example.com' }, 'issuer must be an https URL'],
    [{ issuer: 'http://auth.example.com' }, 'issuer must be an https URL'],
    [{ issuer: `${ISSUER}?a` }, 'issuer must be an https URL'],
    [{ issuer: `${ISSUER}#a` }, 'issuer must be an https URL'],
    [{ issuer: 'https://user:secret@auth.example.com' }, 'issuer must be an https URL'],
    [{ origin: 'http://auth.example.com' }, 'origin must be an https URL'],
    [{ absentProof: 'optional' }, 'absentProof must be "refuse" or "accept"; it is "optional"'],
    [{ absentProof: true }, 'absentProof must be "refuse" or "accept"; it is true'],
    [{ nonce: 'optional' }, 'nonce must be "off" or "required"; it is "optional"'],
    [{ proof: { maxAge: 5 } }, 'proof has no option "maxAge"'],
    [{ storage: {} }, 'storage must be a DpopStorage'],
    [{ logReceivedValues: 1 }, 'logReceivedValues must be true or false'],
    [{ unguardedRoutes: 'ignore' }, 'unguardedRoutes must be "error" or "warn"'],
    [{ clock: 5 }, 'clock must be a function'],
    [{ isGlobal: false }, 'isGlobal must be given beside the factory'],
    [
      { accessToken: {} },
      'DpopAuthorizationServerModule options has no option "accessToken"; known: issuer, ',
    ],
  ])('refuse %j', (options, message) => {
    let thrown: unknown;
    try {
      configOf(options);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(TypeError);
    expect((thrown as TypeError).message).toContain(message);
    expect((thrown as TypeError).message).not.toContain('secret');
  });
});
