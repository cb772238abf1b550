import type { RefusalReason } from '../errors/catalogue.js';
import type { DpopError } from '../errors/dpop.error.js';

/** The outcome of one check, for a developer. */
export interface Finding {
  readonly title: string;
  readonly outcome: 'holds' | 'fails' | 'not checked';
  /** What was claimed and what was expected, or why nothing was checked. */
  readonly text: string;
  readonly reason?: RefusalReason;
  /** What to change. */
  readonly advice?: string;
}

const MAX_LENGTH = 160;

/** A value that a proof or a server claims: printable ASCII, cut to length, since it goes to a terminal. */
export function show(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
  const cut = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…(${text.length} characters)` : text;
  return cut.replace(
    /[^\x20-\x7e…]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** A time claim: its number, and when that is. */
export function showTime(seconds: unknown, nowMs: number): string {
  if (typeof seconds !== 'number') return show(seconds);
  const distance = Math.round(seconds - nowMs / 1000);
  const date = new Date(seconds * 1000);
  const words = Number.isNaN(date.getTime()) ? 'no date' : date.toISOString();
  return `${seconds} (${words}, ${Math.abs(distance)} s ${distance < 0 ? 'ago' : 'ahead'})`;
}

/** Lines of a report, with the numbers and titles of the checks in columns. */
export function formatFindings(findings: readonly (Finding & { readonly number?: string })[]): string {
  const width = Math.max(...findings.map(({ title }) => title.length));
  return findings
    .map(({ number = '', title, outcome, text, advice }) => {
      const head = `${number.padStart(3)}  ${title.padEnd(width)}  `;
      const [first = '', ...others] = text.split('\n');
      const word = outcome === 'fails' ? 'FAILS' : outcome;
      const lines = [...others, ...(advice === undefined ? [] : [`→ ${advice}`])];
      const indent = `\n${' '.repeat(head.length)}`;
      return `${[`${head}${word}${first === '' ? '' : `: ${first}`}`, ...lines].join(indent)}\n`;
    })
    .join('');
}

/** The text of a check that fails: the sentence of the library, then both values. */
export function describeFailure(
  { message, details: { detail, offBySeconds } }: DpopError,
  claimed: string,
  expected: string | undefined,
): string {
  const off = offBySeconds === undefined ? '' : `, by ${offBySeconds} s`;
  return [
    `${message}${detail === undefined ? '' : ` (${detail})`}${off}`,
    ...(claimed === '' ? [] : [`claimed   ${claimed}`]),
    ...(expected === undefined ? [] : [`expected  ${expected}`]),
  ].join('\n');
}
