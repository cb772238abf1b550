import { MARKER, now } from './baseline.js';
import {
  asBearer,
  authorizationLines,
  dpopLines,
  tokenClaims,
  tokenCompact,
  tokenHeader,
  tokenSignedBy,
} from './changes.js';
import { clients, issuers, thumbprintOf } from './keys.js';
import { acceptedAsBearer, badBearer, badToken, type Row, rows } from './row.js';

const seconds = Math.floor(now());
const jkt = thumbprintOf(clients.es256.publicJwk);
const unbound = badToken('token_unbound');

export const bearer: readonly Row[] = [
  {
    id: 'B4',
    what: 'a bound token as Bearer, with its proof',
    change: [authorizationLines((token) => [`Bearer ${token}`])],
    expect: badBearer('bearer_not_accepted'),
  },
  {
    id: 'B4',
    what: 'a bound token as Bearer, without a proof',
    change: [authorizationLines((token) => [`Bearer ${token}`]), dpopLines(() => [])],
    expect: badBearer('bearer_not_accepted'),
  },
  {
    id: 'B4',
    what: 'a bound token as Bearer, with its proof, where Bearer is offered',
    on: 'bearer',
    change: [authorizationLines((token) => [`Bearer ${token}`])],
    expect: badBearer('bound_token_as_bearer'),
  },
  {
    id: 'B4',
    what: 'a bound token as bearer in lower case, where Bearer is offered',
    on: 'bearer',
    change: [authorizationLines((token) => [`bearer ${token}`]), dpopLines(() => [])],
    expect: badBearer('bound_token_as_bearer'),
  },
  ...rows(
    {
      'bound to a key': { jkt },
      'bound to a certificate': { 'x5t#S256': jkt },
      'bound to nobody knows what': { [MARKER]: true },
      'with an empty cnf': {},
      'with cnf null': null,
      'with a text for cnf': jkt,
      'with an empty jkt': { jkt: '' },
    },
    (what, cnf): Row => ({
      id: 'B4',
      what: `where Bearer is offered, a Bearer token ${what}`,
      on: 'bearer',
      from: asBearer,
      fromScheme: 'Bearer',
      change: [tokenClaims({ cnf })],
      expect: badBearer('bound_token_as_bearer'),
    }),
  ),
  {
    id: 'B5',
    what: 'an unbound Bearer token, where nobody offered it',
    change: asBearer,
    expect: badBearer('bearer_not_accepted'),
  },
  {
    id: 'B5',
    what: 'an unbound Bearer token, where it is offered',
    on: 'bearer',
    change: asBearer,
    expect: acceptedAsBearer,
  },
  {
    id: 'B5',
    what: 'an unbound bearer token in lower case, where it is offered',
    on: 'bearer',
    change: [...asBearer, authorizationLines((token) => [`bearer  ${token}`])],
    expect: acceptedAsBearer,
  },
  {
    id: 'B5',
    what: 'an unbound token with the scheme DPoP, where Bearer is offered',
    on: 'bearer',
    change: [tokenClaims({ cnf: undefined })],
    expect: unbound,
  },
  ...rows(
    {
      'signed by another key': tokenSignedBy(issuers.rogue),
      'alg none': tokenHeader({ alg: 'none' }),
      opaque: tokenCompact(() => MARKER),
    },
    (what, change): Row => ({
      id: 'B5',
      what: `where Bearer is offered, a Bearer token ${what} (Fig. 18)`,
      on: 'bearer',
      from: asBearer,
      fromScheme: 'Bearer',
      change: [change],
      expect: badBearer('token_invalid'),
    }),
  ),
  {
    id: 'B5',
    what: 'where Bearer is offered, an expired Bearer token',
    on: 'bearer',
    from: asBearer,
    fromScheme: 'Bearer',
    change: [tokenClaims({ exp: seconds - 60 })],
    expect: badBearer('token_expired'),
  },
];
