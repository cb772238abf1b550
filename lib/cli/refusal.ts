import { REFUSALS, type RefusalReason, STATUS_OF_CODE } from '../errors/catalogue.js';
import { isSupportedAlgorithm } from '../jws/algorithms.js';
import { isJsonObject, type JsonObject } from '../jws/json-object.js';
import { parseJsonSegment } from '../jws/json-segment.js';
import type { Clock } from '../runtime/clock.js';
import { adviceFor } from './advice.js';
import { findDpopChallenge, findError, readChallenges } from './challenge-reader.js';
import { checkOfReason, nameCheck } from './checks.js';
import { explainRequest, type Presented } from './explanation.js';
import { type Finding, formatFindings, show } from './finding.js';
import type { Answer } from './outgoing.js';
import { isLoopback, LOOPBACK_ORIGINS } from './loopback.js';
import { guessReason } from './reason-guess.js';

/** A clock that is further off makes servers refuse proofs. */
const CLOCK_NOTE_SECONDS = 5;

/** The sentences of this library are fixed, so that each names its reason. */
const REASON_OF_SENTENCE: ReadonlyMap<string, RefusalReason> = new Map(
  Object.entries(REFUSALS).map(([reason, [, sentence]]) => [sentence, reason as RefusalReason]),
);

/** What the server said in its response. */
interface Words {
  readonly error: string | undefined;
  readonly description: string | undefined;
  readonly parameters: ReadonlyMap<string, string>;
  readonly algorithms: readonly string[] | undefined;
}

/**
 * Explains why a server refused a request, in words: which check, what the server said, what the client sent, what to
 * change. The checks are made here again with the clock of the server, since most servers say little.
 */
export async function explainRefusal(answer: Answer, presented: Presented, clock: Clock): Promise<string> {
  const words = readWords(answer);
  const { proof, token, reasons } = await explainRequest(presented, {}, serverClock(answer, clock), {
    algorithms: words.algorithms?.length === 0 ? undefined : words.algorithms,
  });
  const failed = [...proof, ...token].filter(({ outcome }) => outcome === 'fails');
  if (answer.status >= 500 || answer.status === 429) return explainOutage(answer, failed);
  const reason = reasonFor(words, reasons);
  if (reason === undefined && words.error === undefined && failed.length === 0) return explainOther(answer);
  return [
    `check   ${reason === undefined ? 'the server does not say which, and all that can be checked here hold' : nameCheck(checkOfReason(reason))}\n`,
    `server  ${describeWords(answer, words)}\n`,
    ...describeSent(presented, reason).map((line) => `client  ${line}\n`),
    ...(failed.length === 0 ? [] : [`\n${formatFindings(failed)}\n`]),
    `change  ${reason === undefined ? 'read the log of the server; compare issuer, audience and origin of its configuration' : adviceFor(reason)}\n`,
    ...(reason === 'proof_htu' && isLoopback(presented.url) ? [`note    ${LOOPBACK_ORIGINS}\n`] : []),
    ...describeClock(answer),
  ].join('');
}

/** Such a status has nothing to do with the credentials. */
function explainOther({ status }: Answer): string {
  if (status === 404) return 'The server has no such path, or hides it. DPoP has no part in it.\n';
  return `The server answers ${status} and says nothing of DPoP.\n`;
}

function explainOutage({ status, headers }: Answer, failed: readonly Finding[]): string {
  const retryAfter = headers.get('retry-after');
  return [
    `server  status ${status}${retryAfter === null ? '' : `, Retry-After ${show(retryAfter)}`}\n`,
    failed.length === 0
      ? 'change  nothing in the client: the server fails, and says nothing about the token. Read its log; keep the token.\n'
      : `change  read the log of the server. What fails in the request by the checks of this library:\n\n${formatFindings(failed)}`,
  ].join('');
}

/** A sentence of this library is certain; then comes what fails here and fits the error, then the words of the server. */
function reasonFor(
  { error, description }: Words,
  failed: readonly RefusalReason[],
): RefusalReason | undefined {
  const said = description === undefined ? undefined : REASON_OF_SENTENCE.get(description);
  // One sentence stands for many reasons: the checks here may know more.
  if (said !== undefined && said !== 'token_invalid') return said;
  const fitting = failed.find((reason) => REFUSALS[reason][0] === error);
  if (said !== undefined) return fitting ?? said;
  const guessed = fitting ?? guessReason(error, description) ?? failed[0];
  return guessed ?? (error === 'invalid_token' ? 'token_invalid' : undefined);
}

function readWords({ status, headers, body }: Answer): Words {
  const challenges = readChallenges(headers.get('www-authenticate') ?? '');
  const challenge = findError(challenges);
  const document = documentOf(body);
  const error = challenge?.parameters.get('error') ?? errorIn(document);
  const text = (name: string): string | undefined =>
    challenge?.parameters.get(name) ?? (typeof document[name] === 'string' ? document[name] : undefined);
  const algs = findDpopChallenge(challenges)?.parameters.get('algs');
  return {
    error,
    description:
      text('error_description') ??
      // The message of an error of the app, such as a 404, is not about the token.
      (error !== undefined || status === 401 ? text('message') : undefined),
    parameters: challenge?.parameters ?? new Map<string, string>(),
    algorithms: algs?.split(' ').filter(isSupportedAlgorithm),
  };
}

/** Codes of RFC 6749 that this library does not send, and that other servers send in a body. */
const OTHER_CODES: ReadonlySet<unknown> = new Set(['invalid_client', 'unauthorized_client', 'access_denied']);

/** Nest writes the words of the status into `error`, such as "Not Found", and this library its code into `code`. */
function errorIn(document: JsonObject): string | undefined {
  return [document['error'], document['code']].find(
    (value) => typeof value === 'string' && (Object.hasOwn(STATUS_OF_CODE, value) || OTHER_CODES.has(value)),
  ) as string | undefined;
}

function documentOf(body: Uint8Array): JsonObject {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString());
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

function describeWords({ status, statusText }: Answer, { error, description, parameters }: Words): string {
  const said = [error, description].filter((word) => word !== undefined).map(show);
  const others = ['scope', 'acr_values', 'max_age', 'resource_metadata'].flatMap((name) => {
    const value = parameters.get(name);
    return value === undefined ? [] : [`${name} ${show(value)}`];
  });
  return [`${status} ${statusText}`.trim(), ...(said.length === 0 ? [] : [said.join(': ')]), ...others].join(
    '; ',
  );
}

/** The part of the request that the reason is about. */
function describeSent(
  { method, url, proof, token }: Presented,
  reason: RefusalReason | undefined,
): readonly string[] {
  const [, payload = ''] = proof.split('.');
  const claims = parseJsonSegment(payload) ?? {};
  const tokenClaims = token === undefined ? undefined : parseJsonSegment(token.split('.')[1] ?? '');
  const list = (values: JsonObject, names: readonly string[]): string =>
    names.map((name) => `${name} ${show(values[name] ?? 'none')}`).join(', ');
  const lines = [`${method} ${url.href}`, `proof: ${list(claims, ['htm', 'htu', 'iat', 'nonce'])}`];
  const isOfToken = reason === undefined || !reason.startsWith('proof_');
  if (tokenClaims !== undefined && isOfToken)
    lines.push(`token: ${list(tokenClaims, ['iss', 'aud', 'exp', 'scope', 'cnf'])}`);
  return lines;
}

function describeClock({ clockAheadSeconds }: Answer): readonly string[] {
  if (clockAheadSeconds === undefined || Math.abs(clockAheadSeconds) < CLOCK_NOTE_SECONDS) return [];
  const seconds = Math.round(Math.abs(clockAheadSeconds));
  return [
    `clock   the server is ${seconds} s ${clockAheadSeconds > 0 ? 'ahead of' : 'behind'} this machine; set both by NTP\n`,
  ];
}

/** A refusal is explained by the clock that refused. */
function serverClock({ clockAheadSeconds = 0 }: Answer, clock: Clock): Clock {
  return Math.abs(clockAheadSeconds) < CLOCK_NOTE_SECONDS ? clock : () => clock() + 1000 * clockAheadSeconds;
}
