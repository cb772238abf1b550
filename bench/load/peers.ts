import { auth } from 'express-oauth2-jwt-bearer';
import type { TestIssuer } from 'nestjs-dpop/testing';
import * as oauth from 'oauth4webapi';
import { concurrently } from '../concurrently.js';
import type { Side } from '../rounds.js';
import { asReceived, type BenchRequest, LANES, ORIGIN, TARGET } from './protected-service.js';

export type Requests = (count: number) => readonly BenchRequest[] | Promise<readonly BenchRequest[]>;

/** oauth4webapi. It has the keys of the issuer, and the `Request` objects are created before the measurement. */
export function oauth4webapiSide(issuer: TestIssuer, requests: Requests): Side {
  const server: oauth.AuthorizationServer = { issuer: issuer.issuer, jwks_uri: `${issuer.issuer}/jwks` };
  const jwks = structuredClone(issuer.keys) as oauth.JWKS;
  const options = {
    requireDPoP: true,
    [oauth.jwksCache]: { jwks, uat: Math.floor(Date.now() / 1000) },
  } as const;
  return {
    name: 'oauth4webapi',
    prepare: async (count) => {
      const presented = (await requests(count)).map(
        ({ token, proof }) =>
          new Request(ORIGIN + TARGET, {
            headers: { authorization: asReceived(`DPoP ${token}`), dpop: asReceived(proof) },
          }),
      );
      return () =>
        concurrently(presented, LANES, (request) =>
          oauth.validateJwtAccessToken(server, request, issuer.audience, options),
        );
    },
  };
}

/** The middleware alone. Plain objects stand for requests of Express, and are created before the measurement. */
export function expressJwtBearerSide(issuer: TestIssuer, requests: Requests): Side {
  const middleware = createExpressJwtBearer(issuer) as unknown as (
    request: object,
    response: object,
    next: (error?: unknown) => void,
  ) => void;
  const pass = (request: object) =>
    new Promise<void>((resolve, reject) => {
      middleware(request, {}, (error) => {
        if (error === undefined) resolve();
        else reject(error instanceof Error ? error : new Error('refused'));
      });
    });
  return {
    name: 'express-oauth2-jwt-bearer',
    prepare: async (count) => {
      const presented = (await requests(count)).map(toExpressRequest);
      return () => concurrently(presented, LANES, pass);
    },
  };
}

export function createExpressJwtBearer({
  issuer,
  audience,
  keys,
}: Pick<TestIssuer, 'issuer' | 'audience' | 'keys'>): ReturnType<typeof auth> {
  return auth({
    issuer,
    audience,
    publicKey: structuredClone(keys),
    dpop: { enabled: true, required: true },
  });
}

function toExpressRequest({ token, proof }: BenchRequest): object {
  const headers = {
    host: 'api.test',
    authorization: asReceived(`DPoP ${token}`),
    dpop: asReceived(proof),
  };
  return {
    headers,
    method: 'GET',
    protocol: 'https',
    originalUrl: TARGET,
    url: TARGET,
    query: {},
    get: (name: string) => (name === 'Host' ? headers.host : undefined),
    is: () => false,
  };
}
