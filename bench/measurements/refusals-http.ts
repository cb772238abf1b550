import type { IncomingHttpHeaders } from 'node:http';
import { TestIssuer } from 'nestjs-dpop/testing';
import { closedLoop } from '../http/load.js';
import { ServerProcess } from '../http/server-process.js';
import { type BenchRequest, createHolder, ORIGIN } from '../load/protected-service.js';
import { type Refusal, refusals } from '../load/refused-requests.js';
import type { Measurement } from '../measurement.js';
import { measureInRounds, medianOf, ratioOf, type Side } from '../rounds.js';

const PATH = '/guarded';

/** The CPU time that a bad request costs the server, including the guard, Nest's exception and the answer. */
export const refusedOverHttp: Measurement = {
  name: 'refusals-http',
  run: async () => {
    const issuer = await TestIssuer.create();
    const { client, token } = await createHolder(issuer);
    const htu = ORIGIN + PATH;
    const server = await ServerProcess.start('express', issuer);
    const spent = Array.from({ length: 400 }, () => ({
      token,
      proof: client.createProof({ htu, token }),
    }));
    await closedLoop({ url: server.url, path: PATH, headers: spent.map(toHeaders), status: 200 })();
    let next = 0;
    const kinds = refusals({ client, token }, htu, () => spent[(next += 1) % spent.length] as BenchRequest);
    const samples = await measureInRounds(
      kinds.map((kind) => sideOf(server, kind)),
      { rounds: 25, count: 160, warmUp: 80, cpuMicros: server.cpuMicros },
    );
    await server.stop();
    return kinds
      .filter(({ reason }) => reason !== undefined)
      .map(({ name }) => ({
        id: `refusal-http-${name.replaceAll(' ', '-')}`,
        what: `refusal over HTTP (Express): ${name}, against an accepted request`,
        medians: { accepted: medianOf(samples, 'accepted'), [name]: medianOf(samples, name) },
        unit: 'µs',
        result: ratioOf(samples, name, 'accepted'),
        target: { atMost: 1 },
      }));
  },
};

function sideOf(server: ServerProcess, { name, reason, make }: Refusal): Side {
  return {
    name,
    prepare: (count) =>
      closedLoop({
        url: server.url,
        path: PATH,
        headers: Array.from({ length: count }, () => toHeaders(make())),
        status: reason === undefined ? 200 : 401,
      }),
  };
}

function toHeaders({ token, proof }: Partial<BenchRequest>): IncomingHttpHeaders {
  return {
    ...(token !== undefined && { authorization: `DPoP ${token}` }),
    ...(proof !== undefined && { dpop: proof }),
  };
}
