import { TestIssuer } from 'nestjs-dpop/testing';
import {
  createHolders,
  freshRequest,
  freshRequests,
  type Holder,
  ProtectedService,
} from '../load/protected-service.js';
import type { Measurement } from '../measurement.js';
import { measureInRounds, mediansOf, ratioOf } from '../rounds.js';

const CLIENTS = 10_000;
const SMALL_CACHE = 1000;

/** Many clients in rotation, with a cache for all of them, and with a cache for a tenth. */
export const manyClients: Measurement = {
  name: 'many-clients',
  run: async () => {
    const issuer = await TestIssuer.create();
    const holders = await createHolders(issuer, CLIENTS);
    const fitting = await compareFitting(issuer, holders);
    const beyond = await compareBeyond(issuer, holders);
    return [
      {
        id: 'clients-cached',
        what: `${CLIENTS} clients in rotation that fit the cache, against one client`,
        medians: mediansOf(fitting),
        unit: 'µs',
        result: ratioOf(fitting, 'rotation', 'one client'),
        target: { atMost: 1.15 },
      },
      {
        id: 'clients-beyond',
        what: `${CLIENTS} clients in rotation, a cache of ${SMALL_CACHE}, against first requests`,
        medians: mediansOf(beyond),
        unit: 'µs',
        result: ratioOf(beyond, 'rotation', 'first requests'),
        target: { atMost: 1 },
      },
    ];
  },
};

async function compareFitting(issuer: TestIssuer, holders: readonly Holder[]) {
  const service = await ProtectedService.start(issuer);
  // One of the clients, because another one would not fit into the cache.
  const [holder] = holders as readonly [Holder];
  const samples = await measureInRounds(
    [
      service.side('one client', (count) => freshRequests(holder, count)),
      service.side('rotation', rotation(holders)),
    ],
    // Each client sends one request before the first round.
    { rounds: 31, count: 400, warmUp: 100, leadIn: CLIENTS },
  );
  await service.close();
  return samples;
}

async function compareBeyond(issuer: TestIssuer, holders: readonly Holder[]) {
  const service = await ProtectedService.start(issuer, {
    cache: { maxKeys: SMALL_CACHE, maxTokens: SMALL_CACHE },
  });
  const samples = await measureInRounds(
    [
      service.side('rotation', rotation(holders)),
      service.side('first requests', async (count) => (await createHolders(issuer, count)).map(freshRequest)),
    ],
    { rounds: 15, count: 200, leadIn: 1000 },
  );
  await service.close();
  return samples;
}

/** Each client sends a request before any client sends its second one. */
function rotation(holders: readonly Holder[]) {
  let next = 0;
  return (count: number) =>
    Array.from({ length: count }, () => freshRequest(holders[(next += 1) % holders.length] as Holder));
}
