import { randomUUID } from 'node:crypto';
import { MemoryDenyList } from 'nestjs-dpop';
import { TestIssuer } from 'nestjs-dpop/testing';
import { createHolder, freshRequests, ProtectedService } from '../load/protected-service.js';
import type { Measurement } from '../measurement.js';
import { measureInRounds, medianOfRounds, mediansOf } from '../rounds.js';

const ENTRIES = 100_000;
const ON = 'with deny-list';
const OFF = 'without';

/** What a deny-list with many entries adds to a request whose token is not on it. */
export const denyList: Measurement = {
  name: 'deny-list',
  run: async () => {
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
