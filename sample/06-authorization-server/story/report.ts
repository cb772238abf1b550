import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader } from 'jose';
import { formatConclusion, formatParagraphs, type Paint, shorten, wrap } from '../../story/report.js';
import { formatOutcome, outcomeOf, type PlayedScene } from '../../story/scene.js';
import type { Stage } from '../stage.js';
import type { Cast } from './scenes.js';
import type { Exchange } from './wire.js';

const FIELD = ' '.repeat(11);
const PLAIN = new Set([
  'grant_type',
  'client_id',
  'scope',
  'response_type',
  'redirect_uri',
  'code_challenge_method',
]);

/** What the demo shows, and who takes part. */
export function formatPrologue({ issuer, api }: Stage, { mobile }: Cast, paint: Paint): string {
  return [
    paint('bold', 'An authorization server in Nest that binds what it issues to keys'),
    '',
    ...formatParagraphs(
      'DpopProofGuard verifies the proofs of token and PAR requests, and DpopBindings binds codes, access tokens and refresh tokens to the key of the client. In this demo a thief gets hold of codes and tokens, and none of them is of any use.',
    ),
    ...wrap('  authorization server  ', `${issuer}, Nest with DpopAuthorizationServerModule`),
    ...wrap('  API                   ', `${api}, Nest with DpopModule`),
    ...wrap(
      '  mobile                ',
      `a public client, openid-client, with the key ${shorten(mobile.jkt)}`,
    ),
    ...wrap('  reports, api, legacy  ', 'confidential clients, oauth4webapi; legacy has no key'),
    ...wrap('  thief                 ', 'has codes, tokens and a key, but not the key of a client'),
    '',
  ].join('\n');
}

/** One scene: the requests, the answers, and the explanation. */
export async function formatScene(
  played: PlayedScene<Exchange>,
  number: number,
  paint: Paint,
): Promise<string> {
  const blocks = await Promise.all(played.exchanges.map((exchange) => formatExchange(exchange, paint)));
  return [
    paint('bold', `${number}. ${played.scene.title}`),
    ...blocks.flat(),
    ...formatConclusion(played, paint),
  ].join('\n');
}

async function formatExchange(exchange: Exchange, paint: Paint): Promise<readonly string[]> {
  const { sender, request, status, nonce } = exchange;
  const server = request.url.pathname === '/accounts' ? 'API' : 'server';
  return [
    `   ${sender.padEnd(7)} ${paint('cyan', `${request.method} ${request.url.pathname}`)}`,
    ...dim(formatForm(request.form), paint),
    ...dim(await formatProof(request.headers['dpop']), paint),
    `   ${server.padEnd(7)} ${paint(status < 300 ? 'green' : 'red', formatOutcome(outcomeOf(exchange)))}`,
    ...dim(describeBody(exchange), paint),
    ...dim(nonce === undefined ? '' : `DPoP-Nonce: ${shorten(nonce)}`, paint),
  ];
}

function dim(text: string, paint: Paint): readonly string[] {
  return text === '' ? [] : wrap(FIELD, text).map((line) => paint('dim', line));
}

function formatForm(form: URLSearchParams | undefined): string {
  return [...(form ?? [])]
    .map(([name, value]) => `${name}=${PLAIN.has(name) ? value : shorten(value)}`)
    .join(' ');
}

/** The content of a proof. It is only decoded here; the guard verifies it. */
async function formatProof(proof: string | undefined): Promise<string> {
  if (proof === undefined) return 'no DPoP proof';
  const { jwk } = decodeProtectedHeader(proof);
  const { nonce, ath } = decodeJwt<Record<'nonce' | 'ath', string | undefined>>(proof);
  const key = jwk === undefined ? 'none' : shorten(await calculateJwkThumbprint(jwk));
  return [
    `DPoP: key ${key}`,
    ...(nonce === undefined ? [] : [`nonce ${shorten(nonce)}`]),
    ...(ath === undefined ? [] : [`ath ${shorten(ath)}`]),
  ].join(', ');
}

function describeBody({ body }: Exchange): string {
  const { error_description: description, access_token: token, token_type: type, cnf, message } = body;
  if (typeof token === 'string') {
    const bound = decodeJwt<{ cnf?: { jkt?: string } }>(token).cnf?.jkt;
    const binding = bound === undefined ? 'bound to no key' : `bound to the key ${shorten(bound)}`;
    return `token_type ${String(type)}, ${binding}`;
  }
  if (cnf !== undefined) return `token_type ${String(type)}, cnf ${JSON.stringify(cnf)}`;
  return typeof description === 'string' ? description : typeof message === 'string' ? message : '';
}
