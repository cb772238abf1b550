import { formatVerdict, type Paint, shorten } from '../../story/playbill.js';
import { formatOutcome, outcomeOf, type PlayedScene } from '../../story/scene.js';
import type { Stage } from '../stage.js';
import type { Exchange } from './wire.js';

/** Who takes part. */
export function formatPrologue({ api, instances, redis, issuer }: Stage, paint: Paint): string {
  return [
    paint(
      'bold',
      'A fleet behind one Redis: each proof is accepted once, whatever happens to Redis (DPoP, RFC 9449)',
    ),
    '',
    `  front   ${api}   what clients see; each request goes to the next instance in turn`,
    ...instances.map(
      (url, index) => `  api-${index + 1}   ${url}   Nest, guarded by nestjs-dpop, in a process of its own`,
    ),
    `  Redis   ${redis.url}  private to this story`,
    `  issuer  ${issuer.issuer}   of nestjs-dpop/testing`,
    '  client  answers a demand for a nonce as RFC 9449 §8 says: once, with a new proof',
    '  thief   sees the requests and sends them again, but cannot sign',
    '',
  ].join('\n');
}

/** One scene: what was sent, who answered what, and why. */
export function formatScene(played: PlayedScene<Exchange>, number: number, paint: Paint): string {
  const { scene, exchanges, failure } = played;
  return [
    paint('bold', `${number}. ${scene.title}`),
    ...runsOf(exchanges).flatMap((run) => formatRun(run, paint)),
    ...(failure === undefined ? [] : [`   ${paint('red', failure)}`]),
    `   why     ${scene.why}`,
    `   ${formatVerdict(played, paint)}`,
    '',
  ].join('\n');
}

/** `client 200, 3 × thief 401 invalid_dpop_proof` */
export function formatAnswers(exchanges: readonly Exchange[]): string {
  return runsOf(exchanges.map((exchange) => ({ ...exchange, before: [], note: undefined })))
    .map((run) => {
      const [first] = run;
      const answer = `${first.sender} ${formatOutcome(outcomeOf(first))}`;
      const counted = run.length === 1 ? answer : `${run.length} × ${answer}`;
      return first.status === 503 ? `${counted} within ${slowest(run)} ms` : counted;
    })
    .join(', ');
}

type Run = readonly [Exchange, ...Exchange[]];

/** Neighbours that look the same are told together. */
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

const FEW = 3;

function formatRun(run: Run, paint: Paint): readonly string[] {
  const [{ before, sender, note, request, body }] = run;
  const lines =
    run.length <= FEW ? run.map((exchange) => formatAnswer(exchange, paint)) : [formatMany(run, paint)];
  const said =
    typeof body.code === 'string' ? [paint('dim', `                   ${String(body.message)}`)] : [];
  const asked = `${request.method} ${request.url.pathname}`;
  return [
    ...before.map((event) => `   ${paint('dim', event)}`),
    `   ${sender.padEnd(6)}  ${paint('cyan', asked)}${note === undefined ? '' : ` (${note})`}`,
    ...lines,
    ...said,
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
  const instances = [...new Set(run.map(({ instance }) => instance))].toSorted();
  return `           ${run.length} × ${paintOutcome(run[0], paint)}  ${paint('dim', `by ${instances.join(', ')}, within ${slowest(run)} ms`)}`;
}

function paintOutcome(exchange: Exchange, paint: Paint): string {
  return paint(exchange.status < 300 ? 'green' : 'red', formatOutcome(outcomeOf(exchange)));
}

function slowest(run: Run): number {
  return Math.round(Math.max(...run.map(({ durationMs }) => durationMs)));
}
