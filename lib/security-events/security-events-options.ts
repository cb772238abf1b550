import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import type { DenyList, RevocationEntry } from '../revocation/deny-list.js';
import type { Clock } from '../runtime/clock.js';

/** The options of a transmitter that mean the same as for an issuer of access tokens. */
type KeyOptions = Pick<
  JwtAccessTokenOptions,
  | 'keys'
  | 'algorithms'
  | 'clockToleranceSeconds'
  | 'keysMaxAgeSeconds'
  | 'keysCooldownSeconds'
  | 'fetchTimeoutMs'
  | 'allowInsecureJwksUri'
  | 'fetch'
>;

/** What the receiver knows of an event when it asks whose tokens the event is about. */
export interface ReceivedSecurityEvent {
  /** The `iss` of the Security Event Token. */
  readonly transmitter: string;
  /** The URI of the event type. */
  readonly type: string;
  /** When the event occurred, in seconds since the Unix epoch. Entries without `issuedBefore` get this time. */
  readonly issuedBefore: number;
  /**
   * Which part of the subject is asked about: the `user` or the `session` of a complex subject, or one of the `identifiers`
   * of aliases. Absent for the subject as a whole, which is asked about first.
   */
  readonly part?: 'user' | 'session' | 'identifiers';
}

/**
 * Says which tokens a subject has, for subjects that are named by email, for example, or whose `sub` in access tokens is
 * another one. `undefined` leaves it to the receiver; `[]` revokes nothing. It is asked about the whole subject, and if it
 * leaves a complex one or aliases to the receiver, about each user and alias, and about a session that has no entry.
 *
 * @param subject the subject identifier, or the part of it, as it was sent (RFC 9493)
 * @throws any error when it cannot say; the transmitter is then answered 503 and sends the event again
 */
export type SubjectResolver = (
  subject: Readonly<Record<string, unknown>>,
  event: ReceivedSecurityEvent,
) => readonly RevocationEntry[] | undefined | Promise<readonly RevocationEntry[] | undefined>;

/** A sender of Security Event Tokens, and what it may revoke. */
export interface TransmitterOptions extends KeyOptions {
  /** The transmitter, exactly as in the `iss` of its Security Event Tokens. Its metadata is `ssf-configuration`. */
  readonly issuer: string;
  /** This service, as the transmitter names it in `aud`. Of several values, one must match. */
  readonly audience: string | readonly string[];
  /** The URL of the transmitter's key set. Default: from its metadata. */
  readonly jwksUri?: string;
  /**
   * The issuers of the access tokens that the transmitter may revoke, exactly as in their `iss`. Default: the transmitter
   * itself. An event about a subject of another issuer is refused.
   */
  readonly subjectIssuers?: readonly string[];
  /** Says which tokens a subject has. Default: by the table in the documentation. */
  readonly resolveSubject?: SubjectResolver;
}

/** The options of `SecurityEventsModule`. */
export interface SecurityEventsOptions {
  /** The path that the transmitters send to, below the global prefix of the app, such as `security-events`. */
  readonly path: string;
  /** The transmitters that the service accepts events of. */
  readonly transmitters: readonly TransmitterOptions[];
  /** The deny-list that the events are entered in: the object that is the option `revocation` of `DpopModule`. */
  readonly denyList: DenyList;
  /**
   * The value of `Authorization` that the transmitters were configured to send, with its scheme; of several, one must match.
   * At least 16 characters each. Default: the header is not looked at, and the signature alone decides.
   */
  readonly authorization?: string | readonly string[];
  /** Accepts transmitters with an `http:` issuer beyond loopback. Insecure: an attacker could replace their keys. */
  readonly allowInsecureHttp?: boolean;
  /** Returns milliseconds since the Unix epoch, default `Date.now`. For tests. */
  readonly clock?: Clock;
}

/** The options that a factory returns: all but the path, which the routes need before the factory runs. */
export type SecurityEventsFactoryOptions = Omit<SecurityEventsOptions, 'path'>;
