import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runMeasurement } from './measurement-process.js';
import { isMet, type Measurement, type Row } from './measurement.js';
import { MEASUREMENTS } from './measurements/index.js';
import { formatChart } from './report/chart.js';
import { describeMachine } from './report/machine.js';
import { formatTable } from './report/table.js';

const CHART = fileURLToPath(new URL('../bench/bench.svg', import.meta.url));

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
  },
});

const selected = select(options.only);
const rows: Row[] = [];
const failed: string[] = [];
for (const [index, { name }] of selected.entries()) {
  const startedMs = performance.now();
  process.stderr.write(`${index + 1}/${selected.length} ${name} … `);
  try {
    rows.push(...(await runMeasurement(name)));
    process.stderr.write(`${Math.round((performance.now() - startedMs) / 1000)} s\n`);
  } catch (error) {
    failed.push(name);
    process.stderr.write(`not measured: ${String(error)}\n`);
  }
}
report();

function select(names: readonly string[]): readonly Measurement[] {
  const known = MEASUREMENTS.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`there is no measurement "${unknown}", but ${known.join(', ')}`);
  return MEASUREMENTS.filter(({ name }) => names.length === 0 || names.includes(name));
}

function report(): void {
  const machine = describeMachine();
  if (options.json) console.log(JSON.stringify({ ...machine, rows, failed }, undefined, 2));
  else console.log(formatTable(rows, machine));
  const chart = formatChart(rows, machine);
  if (chart !== undefined) writeFileSync(CHART, chart);
  // A missed target does not fail the benchmark.
  const missed = rows.filter((row) => !isMet(row));
  for (const { id } of missed) process.stderr.write(`TARGET MISSED: ${id}\n`);
  for (const name of failed) process.stderr.write(`NOT MEASURED: ${name}\n`);
  const aimed = rows.filter(({ target }) => target !== undefined).length;
  process.stderr.write(`${aimed - missed.length} of ${aimed} targets met\n`);
  if (failed.length > 0) process.exitCode = 1;
}
