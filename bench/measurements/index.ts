import type { Measurement } from '../measurement.js';
import { denyList } from './deny-list.js';
import { eventLoop } from './event-loop.js';
import { firstRequest } from './first-request.js';
import { httpExpress, httpFastify } from './http.js';
import { manyClients } from './many-clients.js';
import { memoryStore } from './memory-store.js';
import { peers } from './peers.js';
import { redisCpu } from './redis-cpu.js';
import { redisServerCpu } from './redis-server-cpu.js';
import { redisStore } from './redis-store.js';
import { refusedOverHttp } from './refusals-http.js';
import { refusedRequests } from './refusals.js';
import { verify } from './verify.js';

/** In the order of the table. */
export const MEASUREMENTS: readonly Measurement[] = [
  verify,
  denyList,
  peers,
  firstRequest,
  redisCpu,
  httpExpress,
  httpFastify,
  refusedRequests,
  refusedOverHttp,
  manyClients,
  memoryStore,
  redisStore,
  redisServerCpu,
  eventLoop,
];
