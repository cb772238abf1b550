import type { Row } from '../measurement.js';
import type { Machine } from './machine.js';
import { formatNumber } from './table.js';

interface Bar {
  readonly label: string;
  readonly micros: number;
  readonly kind: 'floor' | 'ours' | 'peer';
}

interface Group {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const WIDTH = 760;
const LABEL_WIDTH = 230;
const VALUE_WIDTH = 80;
const BAR_HEIGHT = 20;
const PITCH = 28;
const TITLE_HEIGHT = 36;

/** Readable on light and dark backgrounds: the text follows the colour scheme of the reader. */
const STYLE = `
  text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .note { font-size: 11px; fill: #57606a; }
  .floor { fill: #8c959f; }
  .ours { fill: #1f883d; }
  .peer { fill: #bf8700; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .note { fill: #9198a1; }
    .floor { fill: #6e7681; }
    .ours { fill: #3fb950; }
    .peer { fill: #d29922; }
  }`;

/** Bars of the CPU time per request; `undefined` if a measurement is missing. */
export function formatChart(rows: readonly Row[], { node, cpu, date }: Machine): string | undefined {
  const groups = chartedGroups(new Map(rows.map((row) => [row.id, row])));
  if (groups === undefined) return undefined;
  let y = 0;
  const drawn = groups.map((group) => {
    const svg = formatGroup(group, y);
    y += TITLE_HEIGHT + group.bars.length * PITCH + 8;
    return svg;
  });
  const note = `CPU time for each request, shorter is better; ES256, medians. Node ${node}, ${cpu}, ${date}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + 28}" viewBox="0 0 ${WIDTH} ${y + 28}" role="img">
<title>CPU time for each request: ${escape(summary(groups))}</title>
<style>${STYLE}
</style>
${drawn.join('\n')}
<text class="note" x="0" y="${y + 16}">${escape(note)}</text>
</svg>
`;
}

function chartedGroups(rows: ReadonlyMap<string, Row>): readonly Group[] | undefined {
  const [verify, peers, first] = ['verify', 'peers', 'first-request'].map((id) => rows.get(id)?.medians);
  const http = rows.get('http-peer')?.medians;
  if (verify === undefined || peers === undefined || first === undefined || http === undefined)
    return undefined;
  return [
    {
      title: 'Verifying a request of a known client',
      bars: [toBar('one crypto.verify', verify['crypto.verify'], 'floor'), ...toBars(peers)],
    },
    { title: 'First request of a new client with a new token', bars: toBars(first) },
    {
      title: 'A route of a Nest app on Express, over HTTP',
      bars: [
        toBar('unguarded', http['open'], 'floor'),
        toBar('nestjs-dpop', http['guarded'], 'ours'),
        toBar('express-oauth2-jwt-bearer', http['peer'], 'peer'),
      ],
    },
  ];
}

function toBars(medians: Readonly<Record<string, number>>): readonly Bar[] {
  return Object.entries(medians).map(([label, micros]) =>
    toBar(label, micros, label === 'nestjs-dpop' ? 'ours' : 'peer'),
  );
}

function toBar(label: string, micros: number | undefined, kind: Bar['kind']): Bar {
  return { label, micros: micros ?? 0, kind };
}

function formatGroup({ title, bars }: Group, top: number): string {
  const longest = Math.max(...bars.map(({ micros }) => micros));
  const scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH) / longest;
  const lines = bars.map(({ label, micros, kind }, index) => {
    const y = top + TITLE_HEIGHT + index * PITCH;
    const width = Math.max(1, micros * scale);
    const baseline = y + BAR_HEIGHT / 2 + 4;
    return [
      `<text x="${LABEL_WIDTH - 10}" y="${baseline}" text-anchor="end">${escape(label)}</text>`,
      `<rect class="${kind}" x="${LABEL_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="3"/>`,
      `<text x="${(LABEL_WIDTH + width + 8).toFixed(1)}" y="${baseline}">${formatNumber(micros)} µs</text>`,
    ].join('\n');
  });
  return [`<text class="title" x="0" y="${top + 22}">${escape(title)}</text>`, ...lines].join('\n');
}

function summary(groups: readonly Group[]): string {
  return groups
    .map(
      ({ title, bars }) =>
        `${title}: ${bars.map(({ label, micros }) => `${label} ${formatNumber(micros)} µs`).join(', ')}`,
    )
    .join('. ');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
