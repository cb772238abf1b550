export { DpopWsAdapter } from './dpop-ws.adapter.js';
