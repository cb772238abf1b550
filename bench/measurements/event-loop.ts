import { TestIssuer } from 'nestjs-dpop/testing';
import type { LoopReport, Platform } from '../http/messages.js';
import { type PacedLoad, sendPaced, toOctets } from '../http/paced-load.js';
import { routeHeaders } from '../http/routes.js';
import { ServerProcess } from '../http/server-process.js';
import { createHolder, type Holder } from '../load/protected-service.js';
import type { Measurement, Row } from '../measurement.js';
import { median, mediansOf, ratioOf, type Samples } from '../rounds.js';

const ROUNDS = 3;
const CALIBRATIONS = 5;
const CALIBRATION_SECONDS = 0.5;
const SECONDS = 1.5;
/** The target share of the time during which the event loop is busy. */
const LOAD = 0.95;
/** More guarded requests than one core can answer in a second. */
const MOST_PER_SECOND = 15_000;
const SIDES = ['open', 'floor', 'guarded'] as const;
type Route = (typeof SIDES)[number];

/** The delay of a timer with each route, while the event loop is busy for 95 % of the time. */
export const eventLoop: Measurement = {
  name: 'event-loop',
  run: async () => [await compareDelays('express'), await compareDelays('fastify')],
};

async function compareDelays(platform: Platform): Promise<Row> {
  const issuer = await TestIssuer.create();
  const holder = await createHolder(issuer);
  const server = await ServerProcess.start(platform, issuer);
  const reports: Record<Route, (LoopReport & { readonly rate: number })[]> = {
    open: [],
    floor: [],
    guarded: [],
  };
  const rates = {
    open: await findRate(server, holder, 'open'),
    floor: await findRate(server, holder, 'floor'),
    guarded: await findRate(server, holder, 'guarded'),
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const route of SIDES) {
      const rate = rates[route];
      const report = await watchLoop(server, createLoad(server, holder, route, SECONDS, rate));
      reports[route].push({ ...report, rate });
      rates[route] = adjustRate(rate, report);
    }
  }
  await server.stop();
  const delays: Samples = new Map(
    SIDES.map((route) => [route, reports[route].map(({ p99DelayMs }) => p99DelayMs)]),
  );
  const busy = SIDES.map((route) => {
    const share = median(reports[route].map(({ utilization }) => utilization));
    const rate = median(reports[route].map((report) => report.rate));
    return `${route} ${Math.round(100 * share)} % busy with ${Math.round(rate)} a second`;
  });
  return {
    id: `loop-${platform}`,
    what: `event loop on ${platform} under 95 % load: 99th percentile delay, guarded against open`,
    medians: mediansOf(delays),
    unit: 'ms',
    result: ratioOf(delays, 'guarded', 'open'),
    target: { atMost: 3 },
    note: `one crypto.verify and no guard: ${ratioOf(delays, 'floor', 'open').toFixed(2)} ×; ${busy.join(', ')}`,
  };
}

/** Finds the requests per second for which the event loop has the target share. */
async function findRate(server: ServerProcess, holder: Holder, route: Route): Promise<number> {
  await sendPaced(createLoad(server, holder, route, 1.5));
  const capacity = await sendPaced(createLoad(server, holder, route, CALIBRATION_SECONDS));
  let rate = LOAD * capacity;
  for (let calibration = 0; calibration < CALIBRATIONS; calibration += 1) {
    const load = createLoad(server, holder, route, CALIBRATION_SECONDS, rate);
    rate = adjustRate(rate, await watchLoop(server, load));
  }
  return rate;
}

function adjustRate(rate: number, { utilization }: LoopReport): number {
  // A loop that is always busy does not show by how much the load is too high.
  return utilization > 0.99 ? 0.93 * rate : Math.min(LOAD / utilization, 1.2) * rate;
}

async function watchLoop(server: ServerProcess, load: PacedLoad): Promise<LoopReport> {
  await server.ask('watchLoop', undefined);
  await sendPaced(load);
  return await server.ask('loopReport', undefined);
}

function createLoad(
  server: ServerProcess,
  holder: Holder,
  route: Route,
  seconds: number,
  rate = Infinity,
): PacedLoad {
  // Only the guard verifies the proofs, so that the other routes can reuse requests.
  const count = route !== 'guarded' ? 100 : Math.ceil(seconds * Math.min(rate, MOST_PER_SECOND)) + 100;
  const requests = routeHeaders(server, holder, route, count).map((headers) =>
    toOctets(`/${route}`, headers),
  );
  return { url: server.url, requests: route === 'guarded' ? requests : endlessly(requests), seconds, rate };
}

function* endlessly(requests: readonly Buffer[]): Iterable<Buffer> {
  for (;;) yield* requests;
}
