import {
  assertIssuerAndAudience,
  assertTimes,
  assertType,
  createJwtRules,
} from '../access-token/jwt-checks.js';
import { boundThumbprint } from '../access-token/bound-claims.js';
import { readPresentedJwt } from '../access-token/presented-jwt.js';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { IssuerSignatures } from '../issuer/issuer-signatures.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import { isSupportedAlgorithm, JWS_ALGORITHMS } from '../jws/algorithms.js';
import type { JsonObject } from '../jws/json-object.js';
import { parseJsonSegment } from '../jws/json-segment.js';
import type { Clock } from '../runtime/clock.js';
import { adviceFor } from './advice.js';
import { describeFailure, type Finding, show, showTime } from './finding.js';

/** What a developer knows of the issuer of a token. */
export interface TokenExpectations {
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  readonly jwksUri?: string | undefined;
  readonly keys?: JwtAccessTokenOptions['keys'] | undefined;
}

export interface TokenInspection {
  readonly findings: readonly Finding[];
  /** The thumbprint in `cnf`; `undefined` if the token does not say. */
  readonly jkt: string | undefined;
}

/** Makes the checks of an access token, each for itself. An opaque token says nothing. */
export async function inspectToken(
  token: string,
  expected: TokenExpectations,
  clock: Clock,
): Promise<TokenInspection> {
  const { jws, claims } = readPresentedJwt(token);
  const header = jws === undefined ? undefined : parseJsonSegment(jws.header);
  if (jws === undefined || header === undefined || claims === undefined) {
    const text = 'the token is not a signed JWT; only its issuer knows what it says';
    return { findings: [{ title: 'content', outcome: 'not checked', text }], jkt: undefined };
  }
  const { issuer = issuerOf(claims), audience } = expected;
  const rules = createJwtRules({ issuer, audience: audience ?? [], typ: ['at+jwt', 'JWT'] });
  const findings = [
    await checkSignature(jws, header, claims, expected, clock),
    check('typ', describeType(header['typ']), () => assertType(header['typ'], rules)),
    expected.issuer === undefined
      ? notChecked('iss', `${show(claims['iss'])}; compare with --issuer`)
      : check('iss', show(claims['iss']), () =>
          assertIssuerAndAudience({ ...claims, aud: ANY }, { ...rules, audiences: [ANY] }),
        ),
    audience === undefined
      ? notChecked('aud', `${show(claims['aud'])}; compare with --audience`)
      : check('aud', show(claims['aud']), () => assertIssuerAndAudience({ ...claims, iss: issuer }, rules)),
    check('times', describeTimes(claims, clock()), () => assertTimes(claims, rules, clock() / 1000)),
    check('cnf.jkt', show(claims['cnf']), () => boundThumbprint(claims)),
  ];
  return { findings, jkt: boundThumbprintIn(claims) };
}

/** An audience that stands in both where only the issuer is compared. */
const ANY = 'any';

async function checkSignature(
  jws: NonNullable<ReturnType<typeof readPresentedJwt>['jws']>,
  header: JsonObject,
  claims: JsonObject,
  { issuer, audience = '', jwksUri, keys }: TokenExpectations,
  clock: Clock,
): Promise<Finding> {
  const text = `${show(header['alg'])}, kid ${show(header['kid'])}`;
  if (issuer === undefined && keys === undefined && jwksUri === undefined)
    return notChecked('signature', `${text}; give the keys with --issuer or --jwks`);
  const algorithms = [...JWS_ALGORITHMS.keys()].filter(isSupportedAlgorithm);
  const signatures = new IssuerSignatures(
    {
      issuer: issuer ?? issuerOf(claims),
      audience,
      algorithms,
      ...(keys !== undefined && { keys }),
      ...(jwksUri !== undefined && { jwksUri }),
    },
    clock,
  );
  try {
    await signatures.assertSigned(jws, header, undefined);
    return { title: 'signature', outcome: 'holds', text };
  } catch (error) {
    if (error instanceof DpopUnavailableError) return notChecked('signature', error.advice ?? 'no keys');
    return failed('signature', text, error);
  } finally {
    signatures.close();
  }
}

function check(title: string, text: string, assertion: () => unknown): Finding {
  try {
    assertion();
    return { title, outcome: 'holds', text };
  } catch (error) {
    return failed(title, text, error);
  }
}

function failed(title: string, text: string, error: unknown): Finding {
  if (!(error instanceof DpopError)) throw error;
  const { reason, details } = error;
  return {
    title,
    outcome: 'fails',
    text: describeFailure(error, text, details.expected?.join(' or ')),
    reason,
    advice: adviceFor(reason),
  };
}

/** A token may claim anything. */
const issuerOf = ({ iss }: JsonObject): string => (typeof iss === 'string' ? iss : '');

const notChecked = (title: string, text: string): Finding => ({ title, outcome: 'not checked', text });

function describeTimes(claims: JsonObject, nowMs: number): string {
  return ['iat', 'nbf', 'exp']
    .filter((name) => claims[name] !== undefined)
    .map((name) => `${name} ${showTime(claims[name], nowMs)}`)
    .join(', ');
}

/** Many issuers send JWT. */
function describeType(typ: unknown): string {
  return typ === 'JWT' ? "JWT; a service with this library needs typ: 'JWT' for this issuer" : show(typ);
}

function boundThumbprintIn(claims: JsonObject): string | undefined {
  try {
    return boundThumbprint(claims);
  } catch {
    return undefined;
  }
}
