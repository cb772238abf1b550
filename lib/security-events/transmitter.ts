import { createIssuerKeys, type IssuerKeys } from '../issuer/issuer-keys.js';
import { DEFAULT_TOLERANCE_SECONDS } from '../issuer/jwt-access-token-options.js';
import { DEFAULT_ALGORITHMS } from '../jws/algorithms.js';
import type { CompactJws } from '../jws/compact-jws.js';
import type { JsonObject } from '../jws/json-object.js';
import type { Clock } from '../runtime/clock.js';
import { SecurityEventError } from './security-event.error.js';
import { parseSecurityEventToken, type SecurityEventToken } from './security-event-token.js';
import type { SubjectResolver, TransmitterOptions } from './security-events-options.js';

const MAX_KID_LENGTH = 512;

/** A Security Event Token in compact form, parsed and not verified yet. */
export interface PresentedEventToken {
  readonly jws: CompactJws;
  readonly header: JsonObject;
  readonly claims: JsonObject;
}

/** Verifies the Security Event Tokens of one transmitter. */
export class Transmitter {
  readonly issuer: string;
  /** The issuers of the access tokens that it may revoke. */
  readonly subjectIssuers: readonly string[];
  readonly resolveSubject: SubjectResolver | undefined;
  readonly #keys: IssuerKeys;
  readonly #algorithms: readonly string[];
  readonly #audiences: readonly string[];
  readonly #toleranceSeconds: number;
  readonly #clock: Clock;

  constructor(options: TransmitterOptions, clock: Clock) {
    const { subjectIssuers, resolveSubject, ...keyOptions } = options;
    this.issuer = options.issuer;
    this.subjectIssuers = subjectIssuers ?? [options.issuer];
    this.resolveSubject = resolveSubject;
    this.#keys = createIssuerKeys(keyOptions, clock, configurationLocations);
    this.#algorithms = options.algorithms ?? DEFAULT_ALGORITHMS;
    this.#audiences = [options.audience].flat();
    this.#toleranceSeconds = options.clockToleranceSeconds ?? DEFAULT_TOLERANCE_SECONDS;
    this.#clock = clock;
  }

  /** Fetches the keys. Never rejects. */
  open(warn: (text: string) => void): Promise<void> {
    return this.#keys.open(warn);
  }

  close(): void {
    this.#keys.close();
  }

  /**
   * Verifies a Security Event Token whose `iss` is this transmitter.
   *
   * @throws SecurityEventError, or DpopUnavailableError when the keys are unknown
   */
  async verify({ jws, header, claims }: PresentedEventToken): Promise<SecurityEventToken> {
    const { kid, crit } = header;
    if (crit !== undefined) throw new SecurityEventError('crit');
    const alg = this.#algorithms.find((accepted) => accepted === header['alg']);
    if (alg === undefined) throw new SecurityEventError('alg', { expected: this.#algorithms });
    // No key set has such a key. For other unknown names, the keys may have to be fetched again.
    if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_LENGTH)) {
      throw new SecurityEventError('kid');
    }
    const matching = await this.#keys.find({ alg, kid }, claims['iat']);
    if (matching === undefined || matching.size === 0) throw new SecurityEventError('key');
    if (!(await matching.isSigned(jws))) throw new SecurityEventError('signature');
    return parseSecurityEventToken(claims, {
      audiences: this.#audiences,
      toleranceSeconds: this.#toleranceSeconds,
      nowSeconds: this.#clock() / 1000,
    });
  }
}

/** SSF 1.0 §7.2 inserts the well-known part before the path of the issuer; some transmitters append it. */
function configurationLocations(issuer: string): readonly URL[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const places = [
    `${origin}/.well-known/ssf-configuration${path}`,
    `${origin}${path}/.well-known/ssf-configuration`,
  ];
  return [...new Set(places)].map((place) => new URL(place));
}
