import { TestIssuer } from 'nestjs-dpop/testing';
import { expressJwtBearerSide, oauth4webapiSide } from '../load/peers.js';
import { createHolder, freshRequests, ProtectedService } from '../load/protected-service.js';
import type { Measurement } from '../measurement.js';
import { measureInRounds, medianOfRounds, mediansOf } from '../rounds.js';

const OURS = 'nestjs-dpop';

/** The same requests, verified by the peers. Neither of them remembers proofs, nor knows nonces. */
export const peers: Measurement = {
  name: 'peers',
  run: async () => {
    const issuer = await TestIssuer.create();
    const holder = await createHolder(issuer);
    const service = await ProtectedService.start(issuer);
    const requests = (count: number) => freshRequests(holder, count);
    const others = [oauth4webapiSide(issuer, requests), expressJwtBearerSide(issuer, requests)];
    const samples = await measureInRounds([service.side(OURS, requests), ...others], {
      rounds: 21,
      count: 400,
      warmUp: 100,
      leadIn: 2000,
    });
    await service.close();
    const names = others.map(({ name }) => name);
    return [
      {
        id: 'peers',
        what: 'the same, times faster than the faster peer',
        medians: mediansOf(samples),
        unit: 'µs',
        result: medianOfRounds(samples, [OURS, ...names], (ours, ...theirs) => Math.min(...theirs) / ours),
        target: { atLeast: 5 },
      },
    ];
  },
};
