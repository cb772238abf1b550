import * as oauth from 'oauth4webapi';
import { DpopError } from '../errors/dpop.error.js';
import type { IssuerSignatures } from '../issuer/issuer-signatures.js';
import { DEFAULT_TOLERANCE_SECONDS } from '../issuer/jwt-access-token-options.js';
import { DEFAULT_ALGORITHMS } from '../jws/algorithms.js';
import { type CompactJws, parseCompactJws } from '../jws/compact-jws.js';
import type { JsonObject } from '../jws/json-object.js';
import { parseJsonSegment } from '../jws/json-segment.js';
import { OutboundError } from '../outbound/outbound-request.js';
import { type IntrospectionReply, skewSeconds } from './introspection-endpoint.js';
import type { ParsedIntrospection } from './introspection-option-parser.js';
import { parseRefusal } from './introspection-refusal.js';

const SIGNED = 'application/token-introspection+jwt';
const PLAIN = 'application/json';

/** A signed response says nothing about which token it is for, so that an old one must not be used again. */
const MAX_SIGNED_AGE_SECONDS = 60;

/** The codes of oauth4webapi. Its messages are left out, because they may contain what the issuer sent. */
const PROBLEMS: ReadonlyMap<unknown, string> = new Map([
  ['OAUTH_PARSE_ERROR', 'it answered with something that is not JSON'],
  [
    'OAUTH_INVALID_RESPONSE',
    'it answered with no introspection response: a JSON object in which active is true or false, or, if signed, a JWT of the type token-introspection+jwt with an accepted algorithm',
  ],
  ['OAUTH_JWT_CLAIM_COMPARISON_FAILED', 'its signed response has another iss, or is for another aud'],
  ['OAUTH_JWT_TIMESTAMP_CHECK_FAILED', 'its signed response has expired or is not valid yet'],
  [
    'OAUTH_UNSUPPORTED_OPERATION',
    'its signed response is encrypted or has a critical extension: register the client for responses that are only signed',
  ],
]);

/** Reads the response of an introspection endpoint, and verifies the signature of a signed one. */
export class ResponseReader {
  readonly #options: ParsedIntrospection;
  readonly #signatures: IssuerSignatures;

  constructor(options: ParsedIntrospection, signatures: IssuerSignatures) {
    this.#options = options;
    this.#signatures = signatures;
  }

  /**
   * The members of the response. `active` is a boolean; nothing else is checked yet.
   *
   * @throws OutboundError when the response cannot be trusted; DpopError when the endpoint does not take such tokens;
   *   DpopUnavailableError when the keys of the issuer are unknown
   * @see RFC 7662 §2.2, RFC 9701 §5
   */
  async read(reply: IntrospectionReply): Promise<JsonObject> {
    if (reply.status === 400) throw parseRefusal(textOf(reply));
    const { signedResponses } = this.#options;
    if (reply.mediaType !== (signedResponses ? SIGNED : PLAIN)) throw wrongMediaType(signedResponses);
    if (!signedResponses) return await this.#process(reply, this.#options.client.clientId);
    const jws = parseCompactJws(textOf(reply));
    const claims = jws && parseJsonSegment(jws.payload);
    const response = await this.#process(reply, this.#nameIn(claims));
    await this.#assertSigned(jws, claims);
    return response;
  }

  async #process({ body, mediaType }: IntrospectionReply, name: string): Promise<JsonObject> {
    const { accessToken, clock } = this.#options;
    const { issuer, algorithms = DEFAULT_ALGORITHMS, clockToleranceSeconds } = accessToken;
    try {
      return await oauth.processIntrospectionResponse(
        { issuer, introspection_signing_alg_values_supported: [...algorithms] },
        {
          client_id: name,
          [oauth.clockSkew]: skewSeconds(clock),
          [oauth.clockTolerance]: clockToleranceSeconds ?? DEFAULT_TOLERANCE_SECONDS,
        },
        new Response(body, { headers: { 'content-type': mediaType } }),
      );
    } catch (cause) {
      const { code } = (cause ?? {}) as { readonly code?: unknown };
      throw new OutboundError(PROBLEMS.get(code) ?? 'its response cannot be processed', { cause });
    }
  }

  /** RFC 9701 §5: `aud` identifies the service. Some issuers use its client id for that, others its name as audience. */
  #nameIn(claims: JsonObject | undefined): string {
    const { client, accessToken } = this.#options;
    const named = new Set([claims?.['aud']].flat());
    const names = [client.clientId, accessToken.audience].flat();
    return names.find((name) => named.has(name)) ?? client.clientId;
  }

  async #assertSigned(jws: CompactJws | undefined, claims: JsonObject | undefined): Promise<void> {
    const header = jws && parseJsonSegment(jws.header);
    // oauth4webapi tolerates more than RFC 7515 §5.2.
    if (jws === undefined || header === undefined || claims === undefined) {
      throw new OutboundError('its signed response is no JWT');
    }
    try {
      await this.#signatures.assertSigned(jws, header, claims['iat']);
    } catch (error) {
      // The response is signed by a stranger. The client of the request is not at fault.
      if (!(error instanceof DpopError)) throw error;
      throw new OutboundError('its response is not signed by a key of the issuer', { cause: error });
    }
    this.#assertRecent(claims['iat']);
  }

  #assertRecent(issuedAt: unknown): void {
    const { accessToken, clock } = this.#options;
    const tolerance = accessToken.clockToleranceSeconds ?? DEFAULT_TOLERANCE_SECONDS;
    const age = clock() / 1000 - Number(issuedAt);
    if (age <= MAX_SIGNED_AGE_SECONDS + tolerance && age >= -tolerance) return;
    throw new OutboundError(
      `its signed response was not issued just now: iat differs from the clock of this service by ${Math.round(Math.abs(age))} s; compare the clocks`,
    );
  }
}

function wrongMediaType(signedResponses: boolean): OutboundError {
  return new OutboundError(
    signedResponses
      ? `its response is not signed, although signedResponses is set: register the client for signed responses at the issuer; Content-Type must be ${SIGNED}`
      : `the Content-Type of its response is not ${PLAIN}`,
  );
}

function textOf({ body }: IntrospectionReply): string {
  return new TextDecoder().decode(body);
}
