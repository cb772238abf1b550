import type { DpopRequest } from 'nestjs-dpop';

/** A request for verifiers of access tokens that do not look at it. */
export const BARE_REQUEST: DpopRequest = { method: 'GET', target: '/', rawHeaders: [] };
