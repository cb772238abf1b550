import { TestIssuer } from 'nestjs-dpop/testing';
import { bareVerify } from '../load/bare-verify.js';
import { createHolder, freshRequests, ProtectedService } from '../load/protected-service.js';
import type { Measurement } from '../measurement.js';
import { measureInRounds, mediansOf, ratioOf } from '../rounds.js';

/** A known client with a known token, compared with the one signature that every DPoP service must verify. */
export const verify: Measurement = {
  name: 'verify',
  run: async () => {
    const issuer = await TestIssuer.create();
    const holder = await createHolder(issuer);
    const service = await ProtectedService.start(issuer);
    const proofs = (count: number) => freshRequests(holder, count).map(({ proof }) => proof);
    const samples = await measureInRounds(
      [
        { name: 'crypto.verify', prepare: (count) => bareVerify(holder.client.publicKey, proofs(count)) },
        service.side('nestjs-dpop', (count) => freshRequests(holder, count)),
      ],
      { rounds: 41, count: 500, warmUp: 200, leadIn: 10_000 },
    );
    await service.close();
    return [
      {
        id: 'verify',
        what: 'verify, known client and token, in-memory replay, 16 concurrent, against one crypto.verify',
        medians: mediansOf(samples),
        unit: 'µs',
        result: ratioOf(samples, 'nestjs-dpop', 'crypto.verify'),
        target: { atMost: 1.25 },
      },
    ];
  },
};
