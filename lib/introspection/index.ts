export { introspection } from './introspection.js';
export type {
  IntrospectionClient,
  IntrospectionOptions,
  PrivateKeyClient,
  SecretClient,
} from './introspection-options.js';
