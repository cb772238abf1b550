export { DpopIoAdapter } from './dpop-io.adapter.js';
export type { DpopIoAdapterOptions } from './server-options.js';
