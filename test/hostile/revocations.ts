import { BREAKDOWNS, EARLIER, LIFETIME_SECONDS } from './brittle-deny-list.js';
import { now } from './baseline.js';
import { asBearer, clientKey, htu, path, resend, tokenClaims, tokenSignedBy } from './changes.js';
import { clients, issuers } from './keys.js';
import { accepted, badBearer, badProof, badToken, type Row, rows, unavailable } from './row.js';

const seconds = Math.floor(now());
const revoked = badToken('token_revoked');

export const revocations: readonly Row[] = [
  ...rows(
    {
      jti: tokenClaims({ jti: 'revoked' }),
      sid: tokenClaims({ sid: 'revoked' }),
      sub: tokenClaims({ sub: 'revoked' }),
      client_id: tokenClaims({ client_id: 'revoked' }),
      'key of the client': clientKey(clients.unlucky),
      'sub, and an iat that is too early': tokenClaims({ sub: EARLIER.sub, iat: EARLIER.issuedBefore }),
    },
    (what, change) => ({
      id: 'B9',
      what: `a token whose ${what} is on the deny-list`,
      on: 'revocation',
      change: [change],
      expect: revoked,
    }),
  ),
  ...rows(
    {
      'a value of another claim': tokenClaims({ acr: 'revoked', sid: 'Revoked' }),
      'a token that was issued after the entry': tokenClaims({
        sub: EARLIER.sub,
        iat: EARLIER.issuedBefore + 1,
      }),
    },
    (what, change) => ({
      id: 'B9',
      what: `${what}, which is not on the deny-list`,
      on: 'revocation',
      change: [change],
      expect: accepted,
    }),
  ),
  {
    id: 'B9',
    what: 'a revoked token that was used before, with a new proof',
    on: 'revocation',
    after: { change: [tokenClaims({ sub: 'revoked' })], expect: revoked },
    change: [tokenClaims({ sub: 'revoked' })],
    expect: revoked,
  },
  {
    id: 'B9',
    what: 'a revoked token twice with the same proof, which the refusal has not spent',
    on: 'revocation',
    after: { change: [tokenClaims({ sub: 'revoked' })], expect: revoked },
    change: [resend()],
    expect: revoked,
  },
  {
    id: 'B9',
    what: 'a revoked token that lacks a scope: a client without the token learns nothing of the route',
    on: 'revocation',
    change: [path('/scoped'), tokenClaims({ sub: 'revoked', scope: '' })],
    expect: revoked,
  },
  {
    id: 'B9',
    what: 'a revoked token with a bad proof: who does not hold the key does not learn that it is revoked',
    on: 'revocation',
    change: [tokenClaims({ sub: 'revoked' }), htu('https://evil.example/accounts')],
    expect: badProof('proof_htu'),
  },
  {
    id: 'B9',
    what: 'a revoked token that nobody has signed',
    on: 'revocation',
    change: [tokenClaims({ sub: 'revoked' }), tokenSignedBy(issuers.rogue)],
    expect: badToken('token_invalid'),
  },
  {
    id: 'B9',
    what: 'a revoked token sent as Bearer',
    on: 'revocation',
    from: asBearer,
    fromScheme: 'Bearer',
    change: [tokenClaims({ sub: 'revoked' })],
    expect: badBearer('token_revoked'),
  },
  ...rows(
    {
      'no iat': { iat: undefined },
      'a longer life than the entries of the deny-list': { exp: seconds + LIFETIME_SECONDS + 1 },
    },
    (what, claims) => ({
      id: 'B9',
      what: `a token with ${what}`,
      on: 'revocation',
      change: [tokenClaims(claims)],
      expect: unavailable,
    }),
  ),
  ...BREAKDOWNS.map((sub): Row => ({
    id: 'B9',
    what: `a token on which the checker ${sub}`,
    on: 'revocation',
    change: [tokenClaims({ sub })],
    expect: unavailable,
  })),
];
