import type { Scheme } from '../http/challenge.js';

/** What a ticket stands for. Only this service can read it. */
export interface TicketContent {
  /** The base URL that the client signed for the request which was answered with the ticket. */
  readonly origin: string;
  /** The path of the only route that the ticket opens. */
  readonly path: string;
  readonly expiresAtSeconds: number;
  readonly scheme: Scheme;
  /** Thumbprint of the key that the client has proved to hold; empty for an unbound token. */
  readonly jkt: string;
  /** Whether the proof carried a nonce. */
  readonly hasNonce: boolean;
  /** The epoch of the replay store when the ticket was issued. */
  readonly epoch: string;
  /** The access token, which is verified again when the ticket is redeemed. */
  readonly token: string;
}

/** A ticket, as a handler gives it to its client. */
export interface DpopTicket {
  /** For the query parameter `ticket`, or for the sub-protocol `ticket.<value>` of a WebSocket. Base64url. */
  readonly ticket: string;
  readonly expiresAtSeconds: number;
}
