import { isMet, type Row, type Target } from '../measurement.js';
import type { Machine } from './machine.js';

const HEADINGS = ['what', 'measured (medians)', 'result', 'target', 'met'];

/** The table for a terminal, in Markdown. */
export function formatTable(rows: readonly Row[], { node, cpu, cores, date }: Machine): string {
  const lines = [HEADINGS, ...rows.map(toCells)];
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((cells) => (cells[column] ?? '').length)));
  const format = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  const [head = '', ...body] = lines.map(format);
  return [`Node ${node}, ${cores} × ${cpu}, ${date}`, '', head, rule, ...body].join('\n');
}

function toCells(row: Row): readonly string[] {
  const { what, medians, unit, result, resultUnit = '×', target, note } = row;
  const measured = Object.entries(medians).map(([side, value]) => `${side} ${formatNumber(value)} ${unit}`);
  return [
    note === undefined ? what : `${what} (${note})`,
    measured.join(', '),
    `${formatNumber(result)} ${resultUnit}`,
    target === undefined ? '–' : `${formatTarget(target)} ${resultUnit}`,
    metWord(row),
  ];
}

function metWord(row: Row): string {
  if (row.target === undefined) return '–';
  return isMet(row) ? 'yes' : 'NO';
}

function formatTarget(target: Target): string {
  return 'atMost' in target ? `≤ ${target.atMost}` : `≥ ${target.atLeast}`;
}

/** Three significant digits. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
