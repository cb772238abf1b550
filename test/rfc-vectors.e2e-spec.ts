import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get, type INestApplication, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  type AccessTokenClaims,
  type AccessTokenVerifier,
  DpopBound,
  DpopError,
  DpopGuard,
  DpopModule,
  DpopUnavailableError,
  DpopVerifier,
} from 'nestjs-dpop';
import { introspection } from 'nestjs-dpop/introspection';
import { formatChallenges } from '../lib/http/challenge.js';
import { DEFAULT_ALGORITHMS, JWS_ALGORITHMS } from '../lib/jws/algorithms.js';
import { parseCompactProof } from '../lib/proof/compact-proof.js';
import { assertFreshness } from '../lib/proof/proof-freshness.js';
import { assertHtm } from '../lib/proof/proof-htm.js';
import { assertHtu } from '../lib/proof/proof-htu.js';
import { parseProofClaims } from '../lib/proof/proof-claims.js';
import { parseProofHeader } from '../lib/proof/proof-header.js';
import { importProofKey, assertProofSignature } from '../lib/proof/proof-signature.js';
import { calculateThumbprint } from '../lib/proof/thumbprint.js';

interface ProofVector {
  readonly figure: number;
  readonly method: string;
  readonly url: string;
  readonly proof: string;
}

interface Vectors {
  readonly key: Readonly<Record<string, string>>;
  readonly jkt: string;
  readonly tokenRequestProof: ProofVector & { readonly iat: number };
  readonly refreshRequestProof: ProofVector & { readonly iat: number };
  readonly jwtAccessToken: { readonly token: string; readonly ath: string };
  readonly introspectionResponse: { readonly body: AccessTokenClaims };
  readonly resourceRequest: ProofVector & {
    readonly clock: number;
    readonly accessToken: string;
    readonly ath: string;
  };
  readonly thumbprints: readonly {
    readonly source: string;
    readonly jkt: string;
    readonly jwk: Readonly<Record<string, string>>;
  }[];
}

const vectors = JSON.parse(
  readFileSync(new URL('./vectors/rfc9449.json', import.meta.url), 'utf8'),
) as Vectors;
const { resourceRequest, jkt } = vectors;
const algorithms = new Set(DEFAULT_ALGORITHMS);

/** The access token of Fig. 13 is opaque; Fig. 11 is what the issuer says of it. Its response has no aud. */
function introspectToken(clock: () => number): AccessTokenVerifier {
  const answer = (_url: string, { body }: RequestInit): Promise<Response> => {
    const isKnown = body instanceof URLSearchParams && body.get('token') === resourceRequest.accessToken;
    return Promise.resolve(Response.json(isKnown ? vectors.introspectionResponse.body : { active: false }));
  };
  return introspection({
    accessToken: {
      issuer: 'https://server.example.com',
      audience: 'https://resource.example.org',
      fetch: answer,
    },
    endpoint: 'https://server.example.com/introspect',
    client: { id: 'resource', secret: 'secret' },
    absentAudience: 'accept',
    clock,
  });
}

describe.each([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
])('the resource request of Fig. 13 on %s', (_platform, createAdapter) => {
  let nowSeconds: number;
  let runs: number;
  let app: INestApplication;

  beforeAll(async () => {
    @UseGuards(DpopGuard)
    @Controller()
    class ProtectedResourceController {
      @Get('protectedresource')
      read(@DpopBound() boundKey: string, @DpopBound('subject') subject: string): object {
        runs += 1;
        return { boundKey, subject };
      }
    }

    @Module({
      imports: [
        DpopModule.forRoot({
          origin: 'https://resource.example.org',
          accessToken: introspectToken(() => nowSeconds * 1000),
          clock: () => nowSeconds * 1000,
        }),
      ],
      controllers: [ProtectedResourceController],
    })
    class ResourceServerModule {}

    app = await NestFactory.create(ResourceServerModule, createAdapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
  });

  afterAll(() => app.close());

  interface Answer {
    readonly status: number | undefined;
    readonly headers: IncomingHttpHeaders;
    readonly body: Readonly<Record<string, unknown>>;
  }

  function send(clock: number, proof = resourceRequest.proof): Promise<Answer> {
    nowSeconds = clock;
    runs = 0;
    const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
    return new Promise((resolve, reject) => {
      request({
        host: '127.0.0.1',
        port,
        path: '/protectedresource',
        headers: {
          host: 'resource.example.org',
          authorization: `DPoP ${resourceRequest.accessToken}`,
          dpop: proof,
        },
        agent: false,
      })
        .on('error', reject)
        .on('response', (response) => {
          let text = '';
          response
            .setEncoding('utf8')
            .on('data', (chunk: string) => (text += chunk))
            .on('end', () => {
              const body = JSON.parse(text) as Answer['body'];
              resolve({ status: response.statusCode, headers: response.headers, body });
            });
        })
        .end();
    });
  }

  function expectRefusal({ status, headers, body }: Answer): void {
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toMatch(/^DPoP error="invalid_dpop_proof", /);
    expect(body).toMatchObject({ statusCode: 401, code: 'invalid_dpop_proof' });
    expect(runs).toBe(0);
  }

  test('is refused before the clock allows it and after it has grown old (C11)', async () => {
    expectRefusal(await send(resourceRequest.clock + 61));
    // The token of Fig. 11 is not older than the proof, so that it is refused first.
    const early = await send(resourceRequest.clock - 31);
    expect(early.headers['www-authenticate']).toMatch(/^DPoP error="invalid_token", .*not valid yet/);
    expect(runs).toBe(0);
  });

  test('is refused with one changed octet in header, payload or signature (C6)', async () => {
    const { proof, clock } = resourceRequest;
    const [first, second] = [proof.indexOf('.'), proof.lastIndexOf('.')];
    for (const at of [first - 40, first - 1, second - 30, second - 1, second + 1, proof.length - 1]) {
      expectRefusal(await send(clock, changeOctet(proof, at)));
    }
  });

  test('every octet of the proof is covered (C6)', async () => {
    const { proof, clock, accessToken, method } = resourceRequest;
    nowSeconds = clock;
    const verifier = app.get(DpopVerifier);
    for (let at = 0; at < proof.length; at += 1) {
      const rawHeaders = ['Authorization', `DPoP ${accessToken}`, 'DPoP', changeOctet(proof, at)];
      const outcome = await verifier
        .verify({ method, target: '/protectedresource', rawHeaders })
        .then(() => 'accepted')
        .catch((error: unknown) => error);
      expect(outcome).toBeInstanceOf(DpopError);
      expect(outcome).not.toBeInstanceOf(DpopUnavailableError);
    }
  });

  test('is accepted at its clock, and refused when it comes again (F1)', async () => {
    const accepted = await send(resourceRequest.clock);
    expect(accepted.status).toBe(200);
    expect(accepted.body).toEqual({ boundKey: jkt, subject: 'someone@example.com' });
    expect(accepted.headers['www-authenticate']).toBeUndefined();
    expect(runs).toBe(1);

    expectRefusal(await send(resourceRequest.clock));
    expectRefusal(await send(resourceRequest.clock + 60));
  });
});

/** Another character of base64url, different in its highest bits: the lowest of a last one mean nothing. */
function changeOctet(proof: string, at: number): string {
  return proof.slice(0, at) + (/[w-z\d\-_]/.test(proof.charAt(at)) ? 'A' : '_') + proof.slice(at + 1);
}

describe('ath (C12)', () => {
  test.each([
    ['12', resourceRequest.accessToken, resourceRequest.ath],
    ['8', vectors.jwtAccessToken.token, vectors.jwtAccessToken.ath],
  ])('is the hash of the access token, Fig. %s', (_figure, token, ath) => {
    expect(hash('sha256', token, 'base64url')).toBe(ath);
  });

  test('Fig. 12 carries it', () => {
    expect(parseProofClaims(parseCompactProof(resourceRequest.proof).payload).ath).toBe(resourceRequest.ath);
  });
});

describe('thumbprints (B3)', () => {
  test.each([...vectors.thumbprints, { source: 'RFC 9449', jkt, jwk: vectors.key }])(
    'agree with $source',
    ({ jkt: expected, jwk }) => {
      const algorithm = [...JWS_ALGORITHMS.values()].find(
        ({ kty, crv }) => kty === jwk['kty'] && crv === jwk['crv'],
      );
      expect(algorithm).toBeDefined();
      if (algorithm !== undefined) expect(calculateThumbprint(jwk, algorithm)).toBe(expected);
    },
  );
});

describe.each([vectors.tokenRequestProof, vectors.refreshRequestProof])(
  'the proof of Fig. $figure, made for the token endpoint',
  ({ proof, method, url, iat }) => {
    const window = { maxAgeSeconds: 60, futureToleranceSeconds: 30 };

    test('verifies with the key in its header, which is the key of the RFC (C2, C3, C4, C5, C6, C7)', async () => {
      const compact = parseCompactProof(proof);
      const header = parseProofHeader(compact.header, algorithms);
      expect(header).toMatchObject({ alg: 'ES256', jkt, jwk: vectors.key });
      const key = importProofKey(header);
      expect(() => assertProofSignature(compact, key)).not.toThrow();
      const changed = parseCompactProof(changeOctet(proof, proof.length - 10));
      expect(() => assertProofSignature(changed, key)).toThrow(DpopError);
    });

    test('says what its request was, at its clock (C3, C8, C9, C11)', () => {
      const claims = parseProofClaims(parseCompactProof(proof).payload);
      expect(claims).toMatchObject({ jti: '-BwC3ESc6acc2lTc', iat, ath: undefined, nonce: undefined });
      const { origin, pathname } = new URL(url);
      expect(() => assertHtm(claims.htm, method)).not.toThrow();
      expect(() => assertHtu(claims.htu, [origin], pathname, 'reject')).not.toThrow();
      expect(assertFreshness(claims, iat + 60, window, undefined)).toBe(iat + 60);
      expect(() => assertFreshness(claims, iat + 60.001, window, undefined)).toThrow(DpopError);
    });
  },
);

describe('challenges (D3)', () => {
  const both = { algs: 'ES256 PS256' };

  test('Fig. 15: no credentials', () => {
    expect(formatChallenges(new DpopError('credentials_missing'), undefined, false, both)).toBe(
      'DPoP algs="ES256 PS256"',
    );
  });

  test('Fig. 16: a token bound to another key', () => {
    const challenge = formatChallenges(new DpopError('key_binding'), 'DPoP', false, {
      algs: 'ES256',
    });
    expect(challenge).toBe(
      'DPoP error="invalid_token", error_description="Invalid DPoP key binding", algs="ES256"',
    );
  });

  test('Fig. 17: no credentials where Bearer is allowed', () => {
    expect(formatChallenges(new DpopError('credentials_missing'), undefined, true, both)).toBe(
      'Bearer, DPoP algs="ES256 PS256"',
    );
  });

  test('Fig. 18: a bad Bearer token', () => {
    expect(formatChallenges(new DpopError('token_invalid'), 'Bearer', true, both)).toBe(
      'Bearer error="invalid_token", error_description="Invalid token", DPoP algs="ES256 PS256"',
    );
  });

  test.each(['Bearer', 'DPoP', undefined] as const)('Fig. 19: two methods at once (%s)', (used) => {
    const error = new DpopError('authorization_repeated');
    expect(error.status).toBe(400);
    const [bearer, dpop] = formatChallenges(error, used, true, both).split(/, (?=DPoP )/);
    const sentence =
      'error="invalid_request", error_description="Multiple methods used to include access token"';
    expect(bearer).toBe(`Bearer ${sentence}`);
    // The figure has the same parameters in another order than Fig. 16 has; order means nothing (RFC 9110 §11.2).
    const parameters = (challenge: string | undefined) => challenge?.slice(5).split(', ').toSorted();
    expect(parameters(dpop)).toEqual(parameters(`DPoP algs="ES256 PS256", ${sentence}`));
  });

  test('Fig. 24: a demand for a nonce; algs follows, as in every challenge of ours', () => {
    const error = new DpopError('nonce_missing', { nonce: 'eyJ7S_zG.eyJH0-Z.HX4w-7v' });
    expect(error.status).toBe(401);
    expect(formatChallenges(error, 'DPoP', true, { algs: 'ES256' })).toBe(
      'DPoP error="use_dpop_nonce", error_description="Resource server requires nonce in DPoP proof", algs="ES256"',
    );
  });
});
