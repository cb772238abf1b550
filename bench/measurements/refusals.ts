import { TestIssuer } from 'nestjs-dpop/testing';
import {
  type BenchRequest,
  createHolder,
  freshRequests,
  ProtectedService,
  toDpopRequest,
} from '../load/protected-service.js';
import { HTU, type Refusal, refusals } from '../load/refused-requests.js';
import type { Measurement, Row } from '../measurement.js';
import { measureInRounds, medianOf, ratioOf, type Samples, type Side } from '../rounds.js';

/** Targets, in relation to an accepted request. A sender without a token and its key must cost next to nothing. */
const LIMITS: Readonly<Record<string, number>> = {
  'wrong key': 0.1,
  'garbage proof': 0.1,
  'garbage token': 0.1,
};

/** The CPU time that a bad request costs the verifier. */
export const refusedRequests: Measurement = {
  name: 'refusals',
  run: async () => {
    const issuer = await TestIssuer.create();
    const holder = await createHolder(issuer);
    const service = await ProtectedService.start(issuer);
    const spent: BenchRequest[] = [...freshRequests(holder, 500)];
    await service.acceptAll(spent.map(toDpopRequest));
    let next = 0;
    const kinds = refusals(holder, HTU, () => spent[(next += 1) % spent.length] as BenchRequest);
    const samples = await measureInRounds(
      kinds.map((kind) => sideOf(service, kind)),
      { rounds: 31, count: 400, warmUp: 200, leadIn: 3000 },
    );
    await service.close();
    return kinds.filter(({ reason }) => reason !== undefined).map(({ name }) => toRow(name, samples));
  },
};

function sideOf(service: ProtectedService, { name, reason, make }: Refusal): Side {
  return {
    name,
    prepare: (count) => {
      const requests = Array.from({ length: count }, () => toDpopRequest(make()));
      return () => service.expectAll(requests, reason);
    },
  };
}

function toRow(name: string, samples: Samples): Row {
  return {
    id: `refusal-${name.replaceAll(' ', '-')}`,
    what: `refusal: ${name}, against an accepted request`,
    medians: { accepted: medianOf(samples, 'accepted'), [name]: medianOf(samples, name) },
    unit: 'µs',
    result: ratioOf(samples, name, 'accepted'),
    target: { atMost: LIMITS[name] ?? 1 },
  };
}
