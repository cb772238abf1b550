import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader } from 'jose';
import { formatVerdict, type Paint, shorten } from '../../story/playbill.js';
import { formatOutcome, outcomeOf, type PlayedScene } from '../../story/scene.js';
import type { Cast } from './scenes.js';
import type { Exchange } from './wire.js';

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
  played: PlayedScene<Exchange>,
  number: number,
  paint: Paint,
): Promise<string> {
  const { scene, exchanges, failure } = played;
  const blocks = await Promise.all(exchanges.map((exchange) => formatExchange(exchange, paint)));
  return [
    paint('bold', `${number}. ${scene.title}`),
    ...blocks,
    ...(failure === undefined ? [] : [`   ${paint('red', failure)}`]),
    `   why     ${scene.why}`,
    `   ${formatVerdict(played, paint)}`,
    '',
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

/** `client 200, thief 401 invalid_token` */
export function formatAnswers(exchanges: readonly Exchange[]): string {
  return exchanges.map((exchange) => `${exchange.sender} ${formatOutcome(outcomeOf(exchange))}`).join(', ');
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

/** Which algorithms are accepted is no part of the story. */
function shortenAlgorithms(challenge: string): string {
  return challenge.replace(/algs="(\S+) [^"]*"/, 'algs="$1 …"');
}

function shortenText(text: string): string {
  return text.length <= 140 ? text : `${text.slice(0, 139)}…`;
}
