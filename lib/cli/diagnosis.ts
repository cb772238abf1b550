import { show } from './finding.js';

/** One thing that `doctor` found. */
export interface Diagnosis {
  /** `problem` decides the exit code; `note` is for the operator to judge. */
  readonly kind: 'good' | 'note' | 'problem';
  readonly text: string;
  /** What to do. */
  readonly todo?: string;
}

export const good = (text: string): Diagnosis => ({ kind: 'good', text });
export const note = (text: string, todo?: string): Diagnosis => ({
  kind: 'note',
  text,
  ...(todo !== undefined && { todo }),
});
export const problem = (text: string, todo: string): Diagnosis => ({ kind: 'problem', text, todo });

const WORDS = { good: 'ok', note: 'note', problem: 'PROBLEM' } as const;

export function formatDiagnoses(title: string, diagnoses: readonly Diagnosis[]): string {
  const lines = diagnoses.map(({ kind, text, todo }) => {
    const head = `  ${WORDS[kind].padEnd(7)}  ${text}\n`;
    return todo === undefined ? head : `${head}${' '.repeat(11)}→ ${todo}\n`;
  });
  return `${title}\n${lines.join('')}`;
}

/** A clock that is further off makes the service refuse proofs with its default of 30 s. */
const MAX_AHEAD_SECONDS = 30;
const NOTE_SECONDS = 3;

/** The difference between the clock of a server and of this machine. */
export function diagnoseClock(server: string, aheadSeconds: number | undefined): Diagnosis {
  if (aheadSeconds === undefined)
    return note(`${server} sends no Date, so that its clock cannot be compared`);
  const seconds = Math.round(Math.abs(aheadSeconds));
  const words = `the clock of ${server} is ${seconds} s ${aheadSeconds > 0 ? 'ahead of' : 'behind'} this machine`;
  if (seconds > MAX_AHEAD_SECONDS)
    return problem(
      words,
      'set both clocks by NTP; for clients with wrong clocks, set nonce.freshness to "nonce"',
    );
  if (seconds > NOTE_SECONDS) return note(words, 'set both clocks by NTP');
  return good(`the clock of ${server} agrees with this machine`);
}

/** A list for a line, cut where it gets long. */
export function list(values: readonly unknown[]): string {
  const shown = values.slice(0, 12).map(show).join(', ');
  return values.length > 12 ? `${shown} and ${values.length - 12} more` : shown;
}
