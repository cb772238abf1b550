import { cut, formatConclusion, formatParagraphs, type Paint, shorten, wrap } from '../../story/report.js';
import { formatOutcome, outcomeOf, type PlayedScene } from '../../story/scene.js';
import type { Stage } from '../stage.js';
import type { Cast } from './scenes.js';
import type { Exchange } from './wire.js';

const MAX_BODY_LENGTH = 66;
const MAX_TEXT = /[\w-]{24,}/g;

/** What the demo shows, and who takes part. */
export function formatPrologue({ ws, io, issuer }: Stage, { client }: Cast, paint: Paint): string {
  return [
    paint('bold', 'Sockets and streams that open only for the key of the client'),
    '',
    ...formatParagraphs(
      'A socket is opened by one request, and lives long after it. In this demo two APIs verify that request before the upgrade: with plain WebSockets, and with socket.io. A browser, which cannot set headers there, fetches a ticket. A thief has the token, captures requests and knows ids. Sockets end when their token ends.',
    ),
    ...wrap('  API with ws         ', `${ws}, Nest with DpopWsAdapter`),
    ...wrap('  API with socket.io  ', `${io}, Nest with DpopIoAdapter`),
    ...wrap('  issuer              ', `${issuer.issuer}, TestIssuer of nestjs-dpop/testing`),
    ...wrap('  client              ', `has the key ${shorten(client.jkt)}`),
    ...wrap('  thief               ', "has the client's token and requests, but not its key"),
    '',
  ].join('\n');
}

/** One scene: the requests, the answers, and the explanation. */
export function formatScene(played: PlayedScene<Exchange>, number: number, paint: Paint): string {
  const { scene, exchanges } = played;
  return [
    paint('bold', `${number}. ${scene.title}`),
    ...exchanges.flatMap((exchange) => formatExchange(exchange, paint)),
    ...formatConclusion(played, paint),
  ].join('\n');
}

function formatExchange(exchange: Exchange, paint: Paint): readonly string[] {
  const { sender, action, note, status, body } = exchange;
  const text = typeof body['message'] === 'string' ? body['message'] : JSON.stringify(body);
  return [
    `   ${sender.padEnd(6)}  ${paint('cyan', action)}${note === undefined ? '' : ` (${note})`}`,
    `   API     ${paint(status < 300 ? 'green' : 'red', formatOutcome(outcomeOf(exchange)))}`,
    ...wrap(' '.repeat(11), cut(text.replaceAll(MAX_TEXT, shorten), MAX_BODY_LENGTH)),
  ];
}
