import { generateKeyPairSync, KeyObject } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { JwtAccessTokenVerifier } from '../lib/access-token/jwt-access-token.verifier.js';
import type { JwtAccessTokenOptions } from '../lib/index.js';
import { Random } from './differential/random.js';
import { acceptsTokenTheLongWay } from './differential/token-long-way.js';
import { TOKEN_MUTATIONS, type TokenMutation } from './differential/token-mutations.js';
import { type JwsDraft, RIGHT_JWS, signJws } from './hostile/draft.js';
import { signWith } from './hostile/keys.js';

const TOKENS = Number(process.env['DIFFERENTIAL_PROOFS'] ?? 5000);
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? 9068);
const TIMEOUT_MS = 60_000 + 20 * TOKENS;
const NOW_SECONDS = 1_800_000_000;
const ISSUER = 'https://issuer.test';
const AUDIENCE = 'https://api.test';
const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA', 'RS256', 'PS256'];
/** Two of the first kind, so that a token without `kid` may be signed by either; jose would try more. */
const KEYS = ['ES256', 'ES256', 'Ed25519', 'ES384', 'RS256', 'PS256'];

interface IssuerKey {
  readonly algorithm: string;
  readonly kid: string;
  readonly privateKey: KeyObject;
}

describe('the verification of access tokens is equal to that of jose', () => {
  const random = new Random(SEED);
  const nobody = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  let keys: readonly IssuerKey[];
  let options: JwtAccessTokenOptions;

  beforeAll(async () => {
    const jwks: JWK[] = [];
    keys = await Promise.all(
      KEYS.map(async (algorithm, index) => {
        const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
        jwks[index] = { ...(await exportJWK(publicKey)), kid: `key ${index}`, alg: algorithm };
        return { algorithm, kid: `key ${index}`, privateKey: KeyObject.from(privateKey) };
      }),
    );
    options = { issuer: ISSUER, audience: AUDIENCE, keys: { keys: jwks }, algorithms: ALGORITHMS };
  });

  test(
    `${TOKENS} right and mutated tokens, seed ${SEED}: both agree on each (B1)`,
    async () => {
      const verifier = new JwtAccessTokenVerifier(options, () => NOW_SECONDS * 1000);
      const outcomes = new Map<string, { accepted: number; refused: number }>();
      for (let index = 0; index < TOKENS; index += 1) {
        const { names, token } = next();
        const accepted = await verifier.verify(token).then(
          () => true,
          (error: unknown) => {
            // A refusal is a judgement; anything else is a bug.
            expect(error).toMatchObject({ name: 'DpopError', code: 'invalid_token' });
            return false;
          },
        );
        if (accepted !== (await acceptsTokenTheLongWay(token, options, NOW_SECONDS))) {
          throw new Error(`token ${index}, ${names.join(' + ')}: only one of both accepts ${token}`);
        }
        for (const name of names.length === 0 ? ['right'] : names) {
          const outcome = outcomes.get(name) ?? { accepted: 0, refused: 0 };
          outcome[accepted ? 'accepted' : 'refused'] += 1;
          outcomes.set(name, outcome);
        }
      }
      // What never happened proves nothing.
      expect(outcomes.get('right')).toEqual({ accepted: expect.any(Number), refused: 0 });
      expect([...outcomes.keys()].toSorted()).toEqual(['right', ...Object.keys(TOKEN_MUTATIONS)].toSorted());
      const never = [...outcomes].filter(([name, { refused }]) => name !== 'right' && refused === 0);
      expect(never.map(([name]) => name)).toStrictEqual([]);
    },
    TIMEOUT_MS,
  );

  /** A fifth of the tokens are right, the others have one or two mutations. */
  function next(): { readonly names: readonly string[]; readonly token: string } {
    const count = random.pick([0, 1, 1, 1, 2]);
    const names = Array.from({ length: count }, () => random.pick(Object.keys(TOKEN_MUTATIONS)));
    const surroundings = {
      nowSeconds: NOW_SECONDS,
      other: draft,
      forged: () => ({ ...draft(), key: forger }),
    };
    const mutated = names.reduce(
      (token, name) => (TOKEN_MUTATIONS[name] as TokenMutation)(token, random, surroundings),
      draft(),
    );
    return { names, token: signJws(mutated) };
  }

  const forger = { alg: 'ES256', publicJwk: {}, sign: signWith(nobody, 'ES256') };

  function draft(): JwsDraft {
    const { algorithm, kid, privateKey } = random.pick(keys);
    return {
      ...RIGHT_JWS,
      header: { alg: algorithm, typ: 'at+jwt', kid },
      claims: {
        iss: ISSUER,
        aud: AUDIENCE,
        sub: 'user',
        client_id: 'client',
        jti: random.text(16),
        iat: NOW_SECONDS,
        exp: NOW_SECONDS + 300,
        cnf: { jkt: random.text(43) },
      },
      key: { alg: algorithm, publicJwk: {}, sign: signWith(privateKey, algorithm) },
    };
  }
});
