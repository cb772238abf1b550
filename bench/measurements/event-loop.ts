import { TestIssuer } from 'nestjs-dpop/testing';
import { pacedLoop, saturate } from '../http/load.js';
import type { LoopReport, Platform } from '../http/messages.js';
import { type Route, routeHeaders } from '../http/routes.js';
import { ServerProcess } from '../http/server-process.js';
import { createHolder, type Holder } from '../load/protected-service.js';
import type { Measurement, Row } from '../measurement.js';
import { median } from '../rounds.js';

const ROUNDS = 3;
const SECONDS = 2;
const SHARE_OF_CAPACITY = 0.95;
const ROUTES: readonly Route[] = ['open', 'guarded'];

/** How long the event loop lets a timer wait while each route bears 95 % of what it can. */
export const eventLoop: Measurement = {
  name: 'event-loop',
  run: async () => [await compareDelays('express'), await compareDelays('fastify')],
};

async function compareDelays(platform: Platform): Promise<Row> {
  const issuer = await TestIssuer.create();
  const holder = await createHolder(issuer);
  const server = await ServerProcess.start(platform, issuer);
  const reports: Record<Route, LoopReport[]> = { open: [], guarded: [], peer: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const route of ROUTES) reports[route].push(await watchLoop(server, holder, route));
  }
  await server.stop();
  const delays = (route: Route) => reports[route].map(({ p99DelayMs }) => p99DelayMs);
  const busy = ROUTES.map((route) => median(reports[route].map(({ utilization }) => utilization)));
  return {
    id: `loop-${platform}`,
    what: `event loop on ${platform} under 95 % load: 99th percentile delay, guarded against open`,
    medians: { open: median(delays('open')), guarded: median(delays('guarded')) },
    unit: 'ms',
    result: median(delays('guarded').map((delay, round) => delay / (delays('open')[round] ?? Number.NaN))),
    target: { atMost: 3 },
    note: `the loop was busy for ${busy.map((share) => `${Math.round(share * 100)} %`).join(' and ')} of the time`,
  };
}

async function watchLoop(server: ServerProcess, holder: Holder, route: Route): Promise<LoopReport> {
  const load = (count: number) => ({
    url: server.url,
    path: `/${route}`,
    headers: routeHeaders(server, holder, route, count),
    status: 200,
  });
  const perSecond = await saturate(load(3200));
  const rate = Math.floor(SHARE_OF_CAPACITY * perSecond);
  const paced = pacedLoop(load(rate * SECONDS), rate);
  await server.ask('watchLoop', undefined);
  await paced();
  return await server.ask('loopReport', undefined);
}
