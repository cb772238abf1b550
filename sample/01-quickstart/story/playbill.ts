import { styleText } from 'node:util';
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader } from 'jose';
import type { Cast } from './scenes.js';
import { formatOutcome, outcomeOf, type PlayedScene } from './story.js';
import type { Exchange } from './wire.js';

export type Style = 'bold' | 'dim' | 'green' | 'red' | 'cyan';
export type Paint = (style: Style, text: string) => string;

/** Colours for a terminal, none for files, pipes and whoever asks for none (https://no-color.org). */
export function createPaint({ isTTY }: { readonly isTTY?: boolean }): Paint {
  return isTTY === true && !process.env.NO_COLOR ? styleText : (_style, text) => text;
}

/** Who takes part, and what the token says. */
export function formatPrologue(issuer: string, { api, client, token }: Cast, paint: Paint): string {
  const { aud, cnf, exp = 0, iat = 0 } = decodeJwt<{ cnf?: { jkt?: string } }>(token);
  return [
    paint('bold', 'What a stolen token is worth where it is bound to a key (DPoP, RFC 9449)'),
    '',
    `  authorization server  ${issuer}  oidc-provider`,
    `  API                   ${api}  Nest, guarded by nestjs-dpop`,
    `  client                openid-client, with a key of its own: ${shorten(client.jkt)}`,
    `  token                 ${shorten(token)}, issued for ${String(aud)}, for ${exp - iat} s,`,
    `                        bound to the key ${shorten(cnf?.jkt ?? '')} (cnf.jkt)`,
    `  thief                 has the token and sees the requests, but does not have the client's key`,
    '',
  ].join('\n');
}

/** One scene: what was sent, what came back, and why. */
export async function formatScene(
  { scene, exchanges, failure, endedAsItMust }: PlayedScene,
  number: number,
  paint: Paint,
): Promise<string> {
  const blocks = await Promise.all(exchanges.map((exchange) => formatExchange(exchange, paint)));
  return [
    paint('bold', `${number}. ${scene.title}`),
    ...blocks,
    ...(failure === undefined ? [] : [`   ${paint('red', failure)}`]),
    `   why     ${scene.why}`,
    `   ${verdict(endedAsItMust, paint)}`,
    '',
  ].join('\n');
}

/** All scenes in a table. */
export function formatTable(played: readonly PlayedScene[], paint: Paint): string {
  const titleWidth = Math.max(...played.map(({ scene }) => scene.title.length));
  const rows = played.map((result, index) => ({
    number: String(index + 1).padStart(2),
    title: result.scene.title.padEnd(titleWidth),
    answers: result.failure ?? result.exchanges.map(formatAnswer).join(', '),
    result,
  }));
  const answersWidth = Math.max(...rows.map(({ answers }) => answers.length));
  const rule = '─'.repeat(titleWidth + answersWidth + 19);
  const failed = played.filter(({ endedAsItMust }) => !endedAsItMust).length;
  return [
    rule,
    paint('bold', `    ${'Scene'.padEnd(titleWidth)}  ${'Answers'.padEnd(answersWidth)}`),
    rule,
    ...rows.map(
      ({ number, title, answers, result }) =>
        `${number}  ${title}  ${answers.padEnd(answersWidth)}  ${verdict(result.endedAsItMust, paint)}${expectation(result)}`,
    ),
    rule,
    failed === 0
      ? paint('green', `All ${played.length} scenes ended as they must.`)
      : paint('red', `${failed} of ${played.length} scenes did not end as they must.`),
  ].join('\n');
}

async function formatExchange(exchange: Exchange, paint: Paint): Promise<string> {
  const { sender, note, request, body, challenge, nonce } = exchange;
  const { authorization, dpop } = request.headers;
  const outcome = outcomeOf(exchange);
  const said = outcome.code === undefined ? shortenText(JSON.stringify(body)) : String(body.message);
  return [
    `   ${sender.padEnd(6)}  ${paint('cyan', `${request.method} ${request.url.pathname}`)}${note === undefined ? '' : ` (${note})`}`,
    ...formatField('Authorization', authorization?.replace(/\S+$/, shorten), paint),
    ...formatField('DPoP', dpop === undefined ? undefined : await describeProof(dpop), paint),
    `   ${'API'.padEnd(6)}  ${paint(exchange.status < 300 ? 'green' : 'red', formatOutcome(outcome))}  ${said}`,
    ...formatField('WWW-Authenticate', challenge && shortenText(shortenAlgorithms(challenge)), paint),
    ...formatField('DPoP-Nonce', nonce && shorten(nonce), paint),
  ].join('\n');
}

function formatField(name: string, value: string | undefined, paint: Paint): readonly string[] {
  return value === undefined ? [] : [paint('dim', `           ${name}: ${value}`)];
}

/** `thief 401 invalid_token` */
function formatAnswer(exchange: Exchange): string {
  return `${exchange.sender} ${formatOutcome(outcomeOf(exchange))}`;
}

/** What a proof says. It is decoded here, not verified: that is the guard's part. */
async function describeProof(proof: string): Promise<string> {
  const { jwk } = decodeProtectedHeader(proof);
  const { htm, htu, iat = 0, nonce, ath } = decodeJwt<Record<'htm' | 'htu' | 'nonce' | 'ath', string>>(proof);
  const ageSeconds = Math.floor(Date.now() / 1000) - iat;
  const claims = [
    `htm ${htm}`,
    `htu ${htu}`,
    `iat ${ageSeconds < 10 ? 'now' : `${ageSeconds} s ago`}`,
    `ath ${shorten(ath)}`,
    ...(nonce === undefined ? [] : [`nonce ${shorten(nonce)}`]),
    `key ${jwk === undefined ? 'none' : shorten(await calculateJwkThumbprint(jwk))}`,
  ];
  return `${shorten(proof)}\n             ${claims.join(', ')}`;
}

function verdict(endedAsItMust: boolean, paint: Paint): string {
  return endedAsItMust ? paint('green', '✓ as it must') : paint('red', '✗ not as it must');
}

function expectation({ endedAsItMust, scene }: PlayedScene): string {
  return endedAsItMust ? '' : ` (${scene.expected.map(formatOutcome).join(', ')})`;
}

/** The two ends of something long and opaque. */
function shorten(text: string): string {
  return text.length <= 16 ? text : `${text.slice(0, 8)}…${text.slice(-6)}`;
}

/** Which algorithms are accepted is no part of the story. */
function shortenAlgorithms(challenge: string): string {
  return challenge.replace(/algs="(\S+) [^"]*"/, 'algs="$1 …"');
}

function shortenText(text: string): string {
  return text.length <= 140 ? text : `${text.slice(0, 139)}…`;
}
