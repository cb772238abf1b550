import { TestIssuer } from 'nestjs-dpop/testing';
import { measureAgainstPeers } from '../load/against-peers.js';
import { createHolders, freshRequest } from '../load/protected-service.js';
import type { Measurement } from '../measurement.js';

/** The service does not know the client: it checks, imports and verifies the key and the token completely. */
export const firstRequest: Measurement = {
  name: 'first-request',
  run: async () => {
    const issuer = await TestIssuer.create();
    const { medians, oursToFaster } = await measureAgainstPeers(
      issuer,
      async (count) => (await createHolders(issuer, count)).map(freshRequest),
      { rounds: 15, count: 200, leadIn: 500 },
    );
    return [
      {
        id: 'first-request',
        what: 'first request of a new client with a new token, against the faster peer',
        medians,
        unit: 'µs',
        result: oursToFaster,
        target: { atMost: 1 },
      },
    ];
  },
};
