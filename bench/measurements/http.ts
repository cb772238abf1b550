import { TestIssuer } from 'nestjs-dpop/testing';
import type { Platform } from '../http/messages.js';
import { bareVerifySide, type Route, routeSide } from '../http/routes.js';
import { ServerProcess } from '../http/server-process.js';
import { createHolder } from '../load/protected-service.js';
import type { Measurement, Row } from '../measurement.js';
import { measureInRounds, medianOfRounds, mediansOf, ratioOf, type Samples } from '../rounds.js';

/** Server CPU for each request, over HTTP. */
export const httpExpress: Measurement = {
  name: 'http-express',
  run: async () => {
    const samples = await measureRoutes('express', ['open', 'guarded', 'peer']);
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
  run: async () => [addedByGuard('fastify', await measureRoutes('fastify', ['open', 'guarded']))],
};

async function measureRoutes(platform: Platform, routes: readonly Route[]): Promise<Samples> {
  const issuer = await TestIssuer.create();
  const holder = await createHolder(issuer);
  const server = await ServerProcess.start(platform, issuer);
  const sides = [bareVerifySide(server), ...routes.map((route) => routeSide(server, holder, route))];
  const samples = await measureInRounds(sides, {
    rounds: 9,
    count: 640,
    warmUp: 80,
    leadIn: 2400,
    cpuMicros: server.cpuMicros,
  });
  await server.stop();
  return samples;
}

function addedByGuard(platform: Platform, samples: Samples): Row {
  return {
    id: `http-${platform}`,
    what: `server CPU that the guard adds to a route on ${platform}, against one crypto.verify`,
    medians: mediansOf(samples),
    unit: 'µs',
    result: medianOfRounds(
      samples,
      ['guarded', 'open', 'crypto.verify'],
      (guarded, open, bare) => (guarded - open) / bare,
    ),
    target: { atMost: 1.8 },
  };
}
