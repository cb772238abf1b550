import { randomUUID } from 'node:crypto';
import type { Draft } from './draft.js';
import { RIGHT_JWS } from './draft.js';
import { clients, issuers, KID, thumbprintOf } from './keys.js';

export const ORIGIN = 'https://api.example.com';
export const ISSUER = 'https://auth.example.com';
export const AUDIENCE = 'https://api.example.com';

/** Stands wherever a client may put text of its own. No answer may ever contain it. */
export const MARKER = 'zq7kmarker';

/** Half a second off, so that whoever rounds is seen. */
export const NOW_MS = 1_750_000_000_500;
/** The one clock of services, issuers and clients. It stands still while a request is under way. */
export const clock = { nowMs: NOW_MS };
export const now = (): number => clock.nowMs / 1000;

/** A request that every service under test accepts, once it is told which origin, which nonce. */
export function createBaseline(): Draft {
  const seconds = Math.floor(now());
  return {
    method: 'GET',
    target: `/accounts?note=${MARKER}`,
    version: 'HTTP/1.1',
    hosts: ['api.example.com'],
    token: {
      ...RIGHT_JWS,
      key: issuers.main,
      header: { typ: 'at+jwt', alg: 'ES256', kid: KID },
      claims: {
        iss: ISSUER,
        aud: AUDIENCE,
        sub: MARKER,
        client_id: MARKER,
        jti: randomUUID(),
        iat: seconds,
        exp: seconds + 300,
        scope: 'accounts:read accounts:write',
        acr: 'phr',
        auth_time: seconds - 60,
        cnf: { jkt: thumbprintOf(clients.es256.publicJwk) },
      },
    },
    proof: {
      ...RIGHT_JWS,
      key: clients.es256,
      header: { typ: 'dpop+jwt', alg: 'ES256', jwk: clients.es256.publicJwk },
      claims: { jti: `${MARKER}-${randomUUID()}`, htm: 'GET', htu: `${ORIGIN}/accounts`, iat: seconds },
    },
    authorization: (token) => [['Authorization', `DPoP ${token}`]],
    dpop: (proof) => [['DPoP', proof]],
    fields: [
      ['User-Agent', MARKER],
      ['Origin', `https://${MARKER}.example`],
      ['X-Forwarded-Host', `${MARKER}.example`],
      ['X-Forwarded-Proto', 'http'],
    ],
    body: undefined,
  };
}
