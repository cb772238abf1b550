import { randomUUID } from 'node:crypto';
import { MemoryDenyList, type RevocableToken } from 'nestjs-dpop';
import { TestIssuer } from 'nestjs-dpop/testing';
import { createHolder, freshRequests, ProtectedService } from '../load/protected-service.js';
import type { Measurement } from '../measurement.js';
import { measureInRounds, medianOf, medianOfRounds, mediansOf } from '../rounds.js';

const ENTRIES = 100_000;
/** As many as a service has in its cache. */
const TOKENS = 1000;
const ISSUER = 'https://auth.example.com/realms/main';
const ON = 'with deny-list';
const OFF = 'without';

/** What a deny-list with many entries adds to a request whose token is not on it. */
export const denyList: Measurement = {
  name: 'deny-list',
  run: async () => {
    const revocation = await fill(ISSUER);
    const tokens = createTokens(TOKENS);
    const lookups = await measureInRounds(
      [{ name: 'isRevoked', prepare: (count) => lookUp(revocation, tokens, count) }],
      { rounds: 41, count: 20_000 },
    );
    const issuer = await TestIssuer.create();
    const holder = await createHolder(issuer);
    const withList = await ProtectedService.start(issuer, { revocation: await fill(issuer.issuer) });
    const without = await ProtectedService.start(issuer);
    const samples = await measureInRounds(
      [
        withList.side(ON, (count) => freshRequests(holder, count)),
        without.side(OFF, (count) => freshRequests(holder, count)),
      ],
      { rounds: 61, count: 500, warmUp: 200, leadIn: 10_000 },
    );
    await withList.close();
    await without.close();
    return [
      {
        id: 'deny-list-lookup',
        what: 'deny-list: a token with jti, sid, sub, client and key, at 100,000 entries',
        medians: mediansOf(lookups),
        unit: 'µs',
        result: medianOf(lookups, 'isRevoked'),
        resultUnit: 'µs',
        target: { atMost: 2 },
      },
      {
        id: 'deny-list-request',
        what: 'deny-list: what it adds to a request, known client and token, at 100,000 entries',
        medians: mediansOf(samples),
        unit: 'µs',
        result: medianOfRounds(samples, [ON, OFF], (on, off) => on - off),
        resultUnit: 'µs',
        target: { atMost: 2 },
      },
    ];
  },
};

async function fill(issuer: string): Promise<MemoryDenyList> {
  const list = new MemoryDenyList({ maxTokenLifetimeSeconds: 3600, maxEntries: ENTRIES });
  for (let entry = 0; entry < ENTRIES; entry += 1) {
    const value = randomUUID();
    const kinds = [{ jti: value }, { sid: value }, { sub: value }, { clientId: value }] as const;
    const kind = kinds[entry % 5];
    await list.revoke(kind === undefined ? { jkt: value } : { issuer, ...kind });
  }
  return list;
}

/** Through JSON, as claims come: `randomUUID` makes strings of parts, which the first reading of a character joins. */
function createTokens(count: number): readonly RevocableToken[] {
  const iat = Math.floor(Date.now() / 1000);
  const tokens = Array.from({ length: count }, () => ({
    claims: { jti: randomUUID(), sid: randomUUID(), iat, exp: iat + 300 },
    issuer: ISSUER,
    subject: randomUUID(),
    clientId: 'a-client-of-the-bench',
    jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I',
  }));
  return JSON.parse(JSON.stringify(tokens)) as readonly RevocableToken[];
}

function lookUp(list: MemoryDenyList, tokens: readonly RevocableToken[], count: number) {
  return (): void => {
    for (let done = 0; done < count; done += tokens.length)
      for (const token of tokens) if (list.isRevoked(token)) throw new Error('a good token is refused');
  };
}
