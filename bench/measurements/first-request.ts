import { TestIssuer } from 'nestjs-dpop/testing';
import { expressJwtBearerSide, oauth4webapiSide } from '../load/peers.js';
import { createHolders, freshRequest, ProtectedService } from '../load/protected-service.js';
import type { Measurement } from '../measurement.js';
import { measureInRounds, medianOfRounds, mediansOf } from '../rounds.js';

const OURS = 'nestjs-dpop';

/** Nothing is known of the client: key and token are vetted, imported and verified in full. */
export const firstRequest: Measurement = {
  name: 'first-request',
  run: async () => {
    const issuer = await TestIssuer.create();
    const service = await ProtectedService.start(issuer);
    const requests = async (count: number) => (await createHolders(issuer, count)).map(freshRequest);
    const others = [oauth4webapiSide(issuer, requests), expressJwtBearerSide(issuer, requests)];
    const samples = await measureInRounds([service.side(OURS, requests), ...others], {
      rounds: 15,
      count: 200,
      leadIn: 500,
    });
    await service.close();
    const names = others.map(({ name }) => name);
    return [
      {
        id: 'first-request',
        what: 'first request of a new client with a new token, against the faster peer',
        medians: mediansOf(samples),
        unit: 'µs',
        result: medianOfRounds(samples, [OURS, ...names], (ours, ...theirs) => ours / Math.min(...theirs)),
        target: { atMost: 1 },
      },
    ];
  },
};
