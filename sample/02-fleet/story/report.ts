import { formatConclusion, formatParagraphs, type Paint, shorten, wrap } from '../../story/report.js';
import { formatOutcome, outcomeOf, type PlayedScene } from '../../story/scene.js';
import type { Stage } from '../stage.js';
import type { Exchange } from './wire.js';

/** What the demo shows, and who takes part. */
export function formatPrologue({ api, instances, redis, issuer }: Stage, paint: Paint): string {
  return [
    paint('bold', 'Three instances and one Redis: each proof is accepted once'),
    '',
    ...formatParagraphs(
      'With DPoP (RFC 9449) a client sends a proof with each request, and a service accepts each proof once. Several instances of a service therefore share their replay records in Redis. In this demo Redis hangs, is killed, and loses its data. No proof is accepted twice, and the client is served again as soon as Redis is back.',
    ),
    ...wrap('  front   ', `${api}, passes requests to the instances in turn`),
    ...instances.flatMap((url, index) =>
      wrap(`  api-${index + 1}   `, `${url}, a process with Nest and nestjs-dpop`),
    ),
    ...wrap('  Redis   ', `${redis.url}, started for this demo`),
    ...wrap('  issuer  ', `${issuer.issuer}, TestIssuer of nestjs-dpop/testing`),
    ...wrap('  client  ', 'answers a demand for a nonce with a new proof, as RFC 9449 §8 requires'),
    ...wrap('  thief   ', 'captures requests and repeats them, but cannot sign proofs'),
    '',
  ].join('\n');
}

/** One scene: the requests, the answers of the instances, and the explanation. */
export function formatScene(played: PlayedScene<Exchange>, number: number, paint: Paint): string {
  const { scene, exchanges } = played;
  return [
    paint('bold', `${number}. ${scene.title}`),
    ...runsOf(exchanges).flatMap((run) => formatRun(run, paint)),
    ...formatConclusion(played, paint),
  ].join('\n');
}

type Run = readonly [Exchange, ...Exchange[]];

/** Consecutive exchanges with the same sender, note and outcome. */
function runsOf(exchanges: readonly Exchange[]): readonly Run[] {
  const runs: [Exchange, ...Exchange[]][] = [];
  for (const exchange of exchanges) {
    const run = runs.at(-1);
    if (run !== undefined && isAlike(run[0], exchange)) run.push(exchange);
    else runs.push([exchange]);
  }
  return runs;
}

function isAlike(a: Exchange, b: Exchange): boolean {
  return (
    b.before.length === 0 &&
    a.sender === b.sender &&
    a.note === b.note &&
    formatOutcome(outcomeOf(a)) === formatOutcome(outcomeOf(b))
  );
}

const MAX_SEPARATE_ANSWERS = 3;

function formatRun(run: Run, paint: Paint): readonly string[] {
  const [{ before, sender, note, request, body }] = run;
  const answers =
    run.length <= MAX_SEPARATE_ANSWERS
      ? run.map((exchange) => formatAnswer(exchange, paint))
      : [formatMany(run, paint)];
  const line = `${request.method} ${request.url.pathname}`;
  return [
    ...before.flatMap((event) => wrap('   ', event)).map((text) => paint('dim', text)),
    `   ${sender.padEnd(6)}  ${paint('cyan', line)}${note === undefined ? '' : ` (${note})`}`,
    ...answers,
    ...(typeof body.code === 'string' ? [paint('dim', `${' '.repeat(19)}${String(body.message)}`)] : []),
  ];
}

function formatAnswer(exchange: Exchange, paint: Paint): string {
  const { instance, durationMs, nonce, retryAfter } = exchange;
  const fields = [
    `${Math.round(durationMs)} ms`,
    ...(retryAfter === undefined ? [] : [`Retry-After: ${retryAfter}`]),
    ...(nonce === undefined ? [] : [`DPoP-Nonce: ${shorten(nonce)}`]),
  ];
  return `           ${instance}   ${paintOutcome(exchange, paint)}  ${paint('dim', fields.join(', '))}`;
}

function formatMany(run: Run, paint: Paint): string {
  const instances = new Set(run.map(({ instance }) => instance)).size;
  const slowestMs = Math.round(Math.max(...run.map(({ durationMs }) => durationMs)));
  return `           ${run.length} × ${paintOutcome(run[0], paint)}  ${paint('dim', `from ${instances} instances, ${slowestMs} ms`)}`;
}

function paintOutcome(exchange: Exchange, paint: Paint): string {
  return paint(exchange.status < 300 ? 'green' : 'red', formatOutcome(outcomeOf(exchange)));
}
