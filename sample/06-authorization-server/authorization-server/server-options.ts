import type { Client } from './clients.js';
import type { User } from './users.js';

/** What the authorization server is started with. */
export interface ServerOptions {
  readonly issuer: string;
  /** The API for which tokens are issued: their `aud`. */
  readonly resource: string;
  readonly clients: readonly Client[];
  readonly users: readonly User[];
}

export const SERVER_OPTIONS = Symbol('SERVER_OPTIONS');
