import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader } from 'jose';
import { cut, formatConclusion, formatParagraphs, type Paint, shorten, wrap } from '../../story/report.js';
import { formatOutcome, outcomeOf, type PlayedScene } from '../../story/scene.js';
import type { Cast } from './scenes.js';
import type { Exchange } from './wire.js';

const FIELD = ' '.repeat(11);
const MAX_BODY_LENGTH = 60;
const NO_BREAK = '\u00a0';

/**
 * What the demo shows, who takes part, and what the token contains.
 *
 * @param issuer the authorization server: its address and its name
 */
export function formatPrologue(issuer: string, { api, client, token }: Cast, paint: Paint): string {
  const { aud, cnf, exp = 0, iat = 0 } = decodeJwt<{ cnf?: { jkt?: string } }>(token);
  return [
    paint('bold', 'A stolen access token is worthless without the key of its client'),
    '',
    ...formatParagraphs(
      'Anybody who has a bearer token can use it. With DPoP (RFC 9449) the token is bound to a key of the client, and each request needs a proof: a small JWT that the client signs with this key for one request. In this demo a thief has the token and captures requests. The API, guarded by nestjs-dpop, refuses every attempt of the thief and serves the client.',
    ),
    ...wrap('  authorization server  ', issuer),
    ...wrap('  API                   ', `${api}, Nest with nestjs-dpop`),
    ...wrap('  client                ', `openid-client, with the key ${shorten(client.jkt)}`),
    ...wrap(
      '  token                 ',
      `${shorten(token)}, for ${[aud].flat().join(' and ')}, for ${exp - iat} s, bound to the key ${shorten(cnf?.jkt ?? '')} (cnf.jkt)`,
    ),
    ...wrap('  thief                 ', "has the token and the requests, but not the client's key"),
    '',
  ].join('\n');
}

/** One scene: the requests, the answers, and the explanation. */
export async function formatScene(
  played: PlayedScene<Exchange>,
  number: number,
  paint: Paint,
): Promise<string> {
  const { scene, exchanges } = played;
  const blocks = await Promise.all(exchanges.map((exchange) => formatExchange(exchange, paint)));
  return [
    paint('bold', `${number}. ${scene.title}`),
    ...blocks.flat(),
    ...formatConclusion(played, paint),
  ].join('\n');
}

async function formatExchange(exchange: Exchange, paint: Paint): Promise<readonly string[]> {
  const { sender, note, request, body, challenge, nonce } = exchange;
  const { authorization, dpop } = request.headers;
  const outcome = outcomeOf(exchange);
  const text = outcome.code === undefined ? cut(JSON.stringify(body), MAX_BODY_LENGTH) : String(body.message);
  return [
    `   ${sender.padEnd(6)}  ${paint('cyan', `${request.method} ${request.url.pathname}`)}${note === undefined ? '' : ` (${note})`}`,
    ...formatField('Authorization', authorization?.replace(/\S+$/, shorten), paint),
    ...formatField('DPoP', dpop && shorten(dpop), paint),
    ...(dpop === undefined ? [] : await formatProof(dpop, paint)),
    `   API     ${paint(exchange.status < 300 ? 'green' : 'red', formatOutcome(outcome))}`,
    `${FIELD}${text}`,
    ...formatField('WWW-Authenticate', challenge && shortenAlgorithms(challenge), paint),
    ...formatField('DPoP-Nonce', nonce && shorten(nonce), paint),
  ];
}

function formatField(name: string, value: string | undefined, paint: Paint): readonly string[] {
  if (value === undefined) return [];
  const [first = '', ...others] = wrap(`${FIELD}  `, `${name}: ${value}`);
  return [FIELD + first.trimStart(), ...others].map((line) => paint('dim', line));
}

/** The content of a proof. It is only decoded here; the guard verifies it. */
async function formatProof(proof: string, paint: Paint): Promise<readonly string[]> {
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
  // Keeps the name and the value of a claim on one line.
  const text = claims.map((claim) => claim.replaceAll(' ', NO_BREAK)).join(', ');
  return wrap(`${FIELD}  `, text).map((line) => paint('dim', line.replaceAll(NO_BREAK, ' ')));
}

/** The list of accepted algorithms is long and does not matter here. */
function shortenAlgorithms(challenge: string): string {
  return challenge.replace(/algs="(\S+) [^"]*"/, 'algs="$1 …"');
}
