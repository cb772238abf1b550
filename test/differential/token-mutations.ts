import type { JwsDraft } from '../hostile/draft.js';
import { type Mutation, MUTATIONS, ODD_VALUES, type Surroundings } from './mutations.js';
import type { Random } from './random.js';

/** Turns a right access token into one that is wrong, odd, or right in another way. */
export type TokenMutation = (token: JwsDraft, random: Random, surroundings: TokenSurroundings) => JwsDraft;

export interface TokenSurroundings {
  readonly nowSeconds: number;
  /** Right tokens of the same issuer, signed with whichever of its keys. */
  readonly other: () => JwsDraft;
  /** A right token but for the key, which is nobody's. */
  readonly forged: () => JwsDraft;
}

const TIMES = [-1e9, -11, -10, -9.5, -1, 0, 0.5, 9.5, 10, 10.5, 11, 1e9];

const header =
  (changes: (random: Random, token: JwsDraft) => Readonly<Record<string, unknown>>): TokenMutation =>
  (token, random) => ({ ...token, header: { ...token.header, ...changes(random, token) } });

const claims =
  (
    changes: (
      random: Random,
      around: TokenSurroundings,
      token: JwsDraft,
    ) => Readonly<Record<string, unknown>>,
  ): TokenMutation =>
  (token, random, around) => ({ ...token, claims: { ...token.claims, ...changes(random, around, token) } });

/** What is done to any JWS is done to a proof in the same way. */
function ofProof(name: string): TokenMutation {
  const mutation = MUTATIONS[name] as Mutation;
  const around = {} as Surroundings;
  return (jws, random) => mutation({ jws, method: '', target: '', token: '' }, random, around).jws;
}

/** Each by its name, which a failure tells. */
export const TOKEN_MUTATIONS: Readonly<Record<string, TokenMutation>> = {
  ...Object.fromEntries(
    [
      'header: alg',
      'header: crit',
      'header: more members',
      'header: order of members',
      'header: text',
      'payload: text',
      'signature',
      'compact form',
      'one character',
    ].map((name) => [name, ofProof(name)]),
  ),
  'header: typ': header((random) => ({
    typ: random.pick(['JWT', 'AT+JWT', 'application/at+jwt', 'Application/AT+jwt', ...ODD_VALUES]),
  })),
  'header: kid': header((random) => ({ kid: random.pick([undefined, undefined, 'unknown', ...ODD_VALUES]) })),
  "another key's kid": (token, _, { other }) => ({
    ...token,
    header: { ...token.header, kid: other().header['kid'] },
  }),
  'another key': (token, _, { other }) => ({ ...token, key: other().key }),
  "nobody's key": (token, _, { forged }) => ({ ...token, key: forged().key }),
  'claims: iss': claims((random, _, token) => ({
    iss: random.pick([`${String(token.claims['iss'])}/`, [token.claims['iss']], ...ODD_VALUES]),
  })),
  'claims: aud': claims((random, _, { claims: { aud } }) => ({
    aud: random.pick([[aud], ['x', aud], [[aud]], { aud }, ['x'], `${String(aud)}/`, ...ODD_VALUES]),
  })),
  'claims: exp': claims((random, { nowSeconds }) => ({ exp: nowSeconds + random.pick(TIMES) })),
  'claims: nbf': claims((random, { nowSeconds }) => ({ nbf: nowSeconds + random.pick(TIMES) })),
  'claims: iat': claims((random, { nowSeconds }) => ({ iat: nowSeconds + random.pick(TIMES) })),
  'claims: one is odd': claims((random) => ({
    [random.pick(['exp', 'nbf', 'iat', 'sub', 'jti', 'client_id'])]: random.pick(ODD_VALUES),
  })),
};
