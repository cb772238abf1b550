import { TestIssuer } from 'nestjs-dpop/testing';
import type { Platform } from '../http/messages.js';
import { LOOP, tightLoopSide, type Route, routeSide } from '../http/routes.js';
import { ServerProcess } from '../http/server-process.js';
import { createHolder } from '../load/protected-service.js';
import type { Measurement, Row } from '../measurement.js';
import { measureInRounds, medianOfRounds, mediansOf, ratioOf, type Samples } from '../rounds.js';

/** CPU time of the server per request, over HTTP. */
export const httpExpress: Measurement = {
  name: 'http-express',
  run: async () => {
    const samples = await measureRoutes('express', ['open', 'floor', 'guarded', 'peer']);
    const against: Row = {
      id: 'http-peer',
      what: 'server CPU of a guarded route on Express, against the same route behind express-oauth2-jwt-bearer',
      medians: mediansOf(samples),
      unit: 'µs',
      result: ratioOf(samples, 'guarded', 'peer'),
      target: { atMost: 0.55 },
    };
    return [against, addedByGuard('express', samples)];
  },
};

export const httpFastify: Measurement = {
  name: 'http-fastify',
  run: async () => [addedByGuard('fastify', await measureRoutes('fastify', ['open', 'floor', 'guarded']))],
};

async function measureRoutes(platform: Platform, routes: readonly Route[]): Promise<Samples> {
  const issuer = await TestIssuer.create();
  const holder = await createHolder(issuer);
  const server = await ServerProcess.start(platform, issuer);
  const sides = [tightLoopSide(server), ...routes.map((route) => routeSide(server, holder, route))];
  const samples = await measureInRounds(sides, {
    rounds: 21,
    count: 320,
    warmUp: 80,
    leadIn: 2000,
    cpuMicros: server.cpuMicros,
  });
  await server.stop();
  return samples;
}

/**
 * Compares with an open route that verifies one signature. In a server that also parses, routes and answers, beside a
 * busy load generator, the same signature costs more than in a loop.
 */
function addedByGuard(platform: Platform, samples: Samples): Row {
  const inLoop = medianOfRounds(
    samples,
    ['guarded', 'open', LOOP],
    (guarded, open, loop) => (guarded - open) / loop,
  );
  return {
    id: `http-${platform}`,
    what: `server CPU that the guard adds to a route on ${platform}, against what one crypto.verify adds`,
    medians: mediansOf(samples),
    unit: 'µs',
    result: medianOfRounds(
      samples,
      ['guarded', 'open', 'floor'],
      (guarded, open, floor) => (guarded - open) / (floor - open),
    ),
    target: { atMost: 1.8 },
    note: `${inLoop.toFixed(2)} × one in a loop`,
  };
}
