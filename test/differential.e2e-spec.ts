import { KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DPOP_CONFIG } from '../lib/config/injection-tokens.js';
import {
  AccessTokenVerifier,
  DpopModule,
  type DpopModuleOptions,
  NonceService,
  ReplayStore,
} from '../lib/index.js';
import type { ProofKey } from '../lib/proof/proof-signature.js';
import { BoundedCache } from '../lib/runtime/bounded-cache.js';
import { TestClient, TestIssuer } from '../lib/testing/index.js';
import { DpopVerifier } from '../lib/verification/dpop.verifier.js';
import type { DpopVerifierParts } from '../lib/verification/verifier-parts.js';
import { LongWay } from './differential/long-way.js';
import {
  type Draft,
  type Mutation,
  MUTATIONS,
  type Surroundings,
  TARGETS,
} from './differential/mutations.js';
import type { Presented } from './differential/presented.js';
import { Random } from './differential/random.js';
import { athOf, RIGHT_JWS, signJws } from './hostile/draft.js';
import { signWith } from './hostile/keys.js';

const PROOFS = Number(process.env['DIFFERENTIAL_PROOFS'] ?? 5000);
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? 9449);
const TIMEOUT_MS = 60_000 + 20 * PROOFS;
const NOW_SECONDS = 1_800_000_000;
const ORIGIN = 'https://api.test';
const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA', 'RS256', 'PS256'];
const CLIENTS = ['ES256', 'ES256', 'ES256', 'Ed25519', 'ES384', 'ES512', 'RS256', 'PS256'];
/** The first of them; most of the proofs are theirs, whose signatures cost least. */
const BUSY_CLIENTS = 4;
const clock = () => NOW_SECONDS * 1000;

/** A way to a judgement. */
interface Way {
  readonly name: string;
  readonly accepts: (presented: Presented) => Promise<boolean>;
}

interface Holder {
  readonly client: TestClient;
  readonly token: string;
}

describe('every shortcut is equal to the long way', () => {
  const random = new Random(SEED);
  const closing: (() => Promise<void>)[] = [];
  const usedJtis: string[] = [];
  let holders: readonly Holder[];
  let nonces: readonly string[];
  let ways: readonly Way[];
  let knownKeys: CountingCache;

  beforeAll(async () => {
    const issuer = await TestIssuer.create({ clock });
    holders = await Promise.all(
      CLIENTS.map(async (algorithm) => {
        const client = await TestClient.create({ algorithm, clock });
        return { client, token: await issuer.issueToken({ client }) };
      }),
    );
    const fast = await start(issuer, {});
    const cold = await start(issuer, { cache: { maxKeys: 0, maxTokens: 0 } });
    knownKeys = new CountingCache(fast.rules.cache.keys);
    nonces = Array.from({ length: 3 }, () => fast.nonces.issue());
    const bindings = new Map(holders.map(({ client, token }) => [token, client.jkt]));
    const longWay = new LongWay({
      origin: ORIGIN,
      algorithms: ALGORITHMS,
      nowSeconds: NOW_SECONDS,
      bindings,
      nonces: new Set(nonces),
    });
    ways = [
      { name: 'fast', accepts: (presented) => isAccepted(presented, fast, knownKeys) },
      {
        name: 'cold',
        accepts: (presented) => isAccepted(presented, cold, new BoundedCache(cold.rules.cache.keys)),
      },
      { name: 'jose', accepts: (presented) => longWay.accepts(presented) },
    ];
    // Keys and tokens are known from here on.
    for (const holder of holders)
      expect(await judge(present(rightDraft(holder)))).toEqual([true, true, true]);
  });

  afterAll(async () => {
    await Promise.all(closing.map((close) => close()));
  });

  test(
    `${PROOFS} right and mutated proofs, seed ${SEED}: all ways agree on each (C1, C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, B3, F1)`,
    async () => {
      const outcomes = new Map<string, { accepted: number; refused: number }>();
      for (let index = 0; index < PROOFS; index += 1) {
        const { names, presented } = next();
        const judgements = await judge(presented);
        const [accepted] = judgements;
        if (judgements.some((judgement) => judgement !== accepted)) {
          throw new Error(
            `proof ${index}, ${names.join(' + ') || 'right'}: ${describeWays(judgements)}\n${JSON.stringify(presented)}`,
          );
        }
        for (const name of names.length === 0 ? ['right'] : names) {
          const outcome = outcomes.get(name) ?? { accepted: 0, refused: 0 };
          outcome[accepted === true ? 'accepted' : 'refused'] += 1;
          outcomes.set(name, outcome);
        }
      }
      // What never happened proves nothing.
      expect(knownKeys.hits).toBeGreaterThan(PROOFS / 3);
      expect(outcomes.get('right')).toEqual({ accepted: expect.any(Number), refused: 0 });
      expect([...outcomes.keys()].toSorted()).toEqual(['right', ...Object.keys(MUTATIONS)].toSorted());
      const never = [...outcomes].filter(([name, { refused }]) => name !== 'right' && refused === 0);
      expect(never.map(([name]) => name)).toStrictEqual([]);
    },
    TIMEOUT_MS,
  );

  /** A third of the proofs are right, the others have one or two mutations. */
  function next(): { readonly names: readonly string[]; readonly presented: Presented } {
    const holder = random.pick(random.happens(0.9) ? holders.slice(0, BUSY_CLIENTS) : holders);
    const count = random.pick([0, 1, 1, 1, 2, 2]);
    const names = count === 0 && random.happens(0.5) ? [] : drawNames(count);
    const surroundings: Surroundings = {
      nowSeconds: NOW_SECONDS,
      other: () => rightDraft(random.pick(holders)),
      usedJtis,
      nonces,
    };
    const mutations = names.map((name) => MUTATIONS[name] as Mutation);
    const draft = mutations.reduce(
      (mutated, mutation) => mutation(mutated, random, surroundings),
      rightDraft(holder),
    );
    return { names, presented: present(draft) };
  }

  function drawNames(count: number): readonly string[] {
    return Array.from({ length: count }, () => random.pick(Object.keys(MUTATIONS)));
  }

  function rightDraft({ client, token }: Holder): Draft {
    const method = random.pick(['GET', 'POST']);
    const target = random.pick(TARGETS);
    return {
      method,
      target,
      token,
      jws: {
        ...RIGHT_JWS,
        header: { alg: client.algorithm, typ: 'dpop+jwt', jwk: client.publicJwk },
        claims: {
          jti: random.text(16),
          htm: method,
          htu: ORIGIN + target.replace(/\?.*/, ''),
          iat: NOW_SECONDS - random.index(60),
          ath: athOf(token),
        },
        key: {
          alg: client.algorithm,
          publicJwk: {},
          sign: signWith(KeyObject.from(client.privateKey), client.algorithm),
        },
      },
    };
  }

  function present({ jws, method, target, token }: Draft): Presented {
    if (typeof jws.claims['jti'] === 'string' && usedJtis.length < 100) usedJtis.push(jws.claims['jti']);
    return { method, target, token, proof: signJws(jws) };
  }

  function judge(presented: Presented): Promise<readonly boolean[]> {
    return Promise.all(ways.map(({ accepts }) => accepts(presented)));
  }

  function describeWays(judgements: readonly boolean[]): string {
    return ways
      .map(({ name }, index) => `${name} ${judgements[index] === true ? 'accepts' : 'refuses'}`)
      .join(', ');
  }

  async function start(issuer: TestIssuer, options: Partial<DpopModuleOptions>): Promise<DpopVerifierParts> {
    const nonce = { mode: 'off', secret: Buffer.alloc(32, 7) } as const;
    @Module({
      imports: [
        DpopModule.forRoot({
          origin: ORIGIN,
          accessToken: issuer.accessToken,
          proof: { algorithms: ALGORITHMS },
          nonce,
          clock,
          ...options,
        }),
      ],
    })
    class ServiceModule {}
    const app = await NestFactory.createApplicationContext(ServiceModule, { logger: false });
    closing.push(() => app.close());
    return {
      rules: app.get(DPOP_CONFIG),
      accessTokens: app.get(AccessTokenVerifier),
      nonces: app.get(NonceService),
      replayStore: app.get(ReplayStore),
    };
  }
});

/** Tells how often the fast path was taken. */
class CountingCache extends BoundedCache<ProofKey> {
  hits = 0;

  override get(key: string): ProofKey | undefined {
    const known = super.get(key);
    if (known !== undefined) this.hits += 1;
    return known;
  }
}

/** As `DpopVerifier` does it, with a cache that can be looked into. */
async function isAccepted(
  { method, target, token, proof }: Presented,
  parts: DpopVerifierParts,
  knownKeys: BoundedCache<ProofKey>,
): Promise<boolean> {
  const rawHeaders = ['Authorization', `DPoP ${token}`, 'DPoP', proof];
  try {
    await new DpopVerifier({ ...parts, knownKeys }).verify({ method, target, rawHeaders });
    return true;
  } catch (error) {
    // A refusal is a judgement; anything else is a bug.
    expect(error).toMatchObject({ name: 'DpopError' });
    return false;
  }
}
