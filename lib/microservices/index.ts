export { DpopMessageGuard } from './dpop-message.guard.js';
export type { MessageRefusal } from './rpc-refusal.js';
