import { styleText } from 'node:util';
import { type Answer, formatOutcomes, type PlayedScene } from './scene.js';

export type Style = 'bold' | 'dim' | 'green' | 'red' | 'cyan';
export type Paint = (style: Style, text: string) => string;

/** The width of a terminal. */
const COLUMNS = 80;

/** Colours for a terminal; none for files and pipes, or with NO_COLOR (https://no-color.org). */
export function createPaint({ isTTY }: { readonly isTTY?: boolean }): Paint {
  return isTTY === true && !process.env.NO_COLOR ? styleText : (_style, text) => text;
}

/**
 * Breaks a text into lines of at most 80 columns.
 *
 * @param label stands before the first line; the other lines are indented by its width
 */
export function wrap(label: string, text: string): readonly string[] {
  const indent = ' '.repeat(label.length);
  const lines = [label];
  let isEmpty = true;
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (isEmpty || line.length + 1 + word.length <= COLUMNS)
      lines[lines.length - 1] = isEmpty ? line + word : `${line} ${word}`;
    else lines.push(indent + word);
    isEmpty = false;
  }
  return lines;
}

/** Several paragraphs, with an empty line after each. */
export function formatParagraphs(...paragraphs: readonly string[]): readonly string[] {
  return paragraphs.flatMap((paragraph) => [...wrap('', paragraph), '']);
}

/** The explanation of a scene, and whether it ended as expected. */
export function formatConclusion(played: PlayedScene, paint: Paint): readonly string[] {
  const { scene, failure, isAsExpected } = played;
  return [
    ...(failure === undefined ? [] : wrap('   ', failure).map((line) => paint('red', line))),
    ...wrap('   why     ', scene.why),
    `   ${formatVerdict(played, paint)}`,
    ...(isAsExpected ? [] : wrap('   expected: ', formatOutcomes(scene.expected))),
    '',
  ];
}

/** All scenes in a table. */
export function formatTable(played: readonly PlayedScene[], paint: Paint): string {
  const titleWidth = Math.max(...played.map(({ scene }) => scene.title.length));
  const rows = played.map((result, index) => ({
    number: String(index + 1).padStart(2),
    title: result.scene.title.padEnd(titleWidth),
    statuses: formatStatuses(result.exchanges),
    result,
  }));
  const statusWidth = Math.max('Status'.length, ...rows.map(({ statuses }) => statuses.length));
  const rule = '─'.repeat(4 + titleWidth + 2 + statusWidth + 2 + '✓ as expected'.length);
  const failed = played.filter(({ isAsExpected }) => !isAsExpected).length;
  return [
    rule,
    paint('bold', `    ${'Scene'.padEnd(titleWidth)}  Status`),
    rule,
    ...rows.map(
      ({ number, title, statuses, result }) =>
        `${number}  ${title}  ${statuses.padEnd(statusWidth)}  ${formatVerdict(result, paint)}`,
    ),
    rule,
    failed === 0
      ? paint('green', `All ${played.length} scenes ended as expected.`)
      : paint('red', `${failed} of ${played.length} scenes did not end as expected.`),
  ].join('\n');
}

/** What the reader can do after the demo: a command or a file, and what it is for. */
export function formatNextSteps(steps: readonly (readonly [what: string, purpose: string])[]): string {
  const width = Math.max(...steps.map(([what]) => what.length));
  const lines = steps.flatMap(([what, purpose]) => wrap(`  ${what.padEnd(width)}  `, purpose));
  return ['', 'What to try next:', '', ...lines].join('\n');
}

function formatVerdict({ isAsExpected }: PlayedScene, paint: Paint): string {
  return isAsExpected ? paint('green', '✓ as expected') : paint('red', '✗ unexpected');
}

/** `200 29×401` */
function formatStatuses(answers: readonly Answer[]): string {
  const runs: { readonly status: number; times: number }[] = [];
  for (const { status } of answers) {
    const run = runs.at(-1);
    if (run?.status === status) run.times += 1;
    else runs.push({ status, times: 1 });
  }
  return runs.map(({ status, times }) => (times === 1 ? `${status}` : `${times}×${status}`)).join(' ');
}

/** The beginning and the end of a long opaque value. */
export function shorten(text: string): string {
  return text.length <= 16 ? text : `${text.slice(0, 8)}…${text.slice(-6)}`;
}

/** A text, cut to length. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
