export type {
  ReceivedSecurityEvent,
  SecurityEventsFactoryOptions,
  SecurityEventsOptions,
  SubjectResolver,
  TransmitterOptions,
} from './security-events-options.js';
export type { SecurityEventsAsyncOptions, SecurityEventsOptionsFactory } from './module-definition.js';
export { SecurityEventsModule } from './security-events.module.js';
