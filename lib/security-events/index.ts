export type {
  ReceivedSecurityEvent,
  SecurityEventsFactoryOptions,
  SecurityEventsOptions,
  SubjectResolver,
  TransmitterOptions,
} from './security-events-options.js';
export {
  type SecurityEventsAsyncOptions,
  SecurityEventsModule,
  type SecurityEventsOptionsFactory,
} from './security-events.module.js';
