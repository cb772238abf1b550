import { TestIssuer } from 'nestjs-dpop/testing';
import { measureAgainstPeers } from '../load/against-peers.js';
import { createHolder, freshRequests } from '../load/protected-service.js';
import type { Measurement } from '../measurement.js';

/** The same requests with the peers, which do not record proofs and issue no nonces. */
export const peers: Measurement = {
  name: 'peers',
  run: async () => {
    const issuer = await TestIssuer.create();
    const holder = await createHolder(issuer);
    const { medians, oursToFaster } = await measureAgainstPeers(
      issuer,
      (count) => freshRequests(holder, count),
      { rounds: 21, count: 400, warmUp: 100, leadIn: 2000 },
    );
    return [
      {
        id: 'peers',
        what: 'the same, times faster than the faster peer',
        medians,
        unit: 'µs',
        result: 1 / oursToFaster,
        target: { atLeast: 5 },
      },
    ];
  },
};
