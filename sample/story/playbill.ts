import { styleText } from 'node:util';
import { type Answer, formatOutcomes, type PlayedScene } from './scene.js';

export type Style = 'bold' | 'dim' | 'green' | 'red' | 'cyan';
export type Paint = (style: Style, text: string) => string;

/** Colours for a terminal, none for files, pipes and whoever asks for none (https://no-color.org). */
export function createPaint({ isTTY }: { readonly isTTY?: boolean }): Paint {
  return isTTY === true && !process.env.NO_COLOR ? styleText : (_style, text) => text;
}

/** All scenes in a table. */
export function formatTable<Exchange extends Answer>(
  played: readonly PlayedScene<Exchange>[],
  formatAnswers: (exchanges: readonly Exchange[]) => string,
  paint: Paint,
): string {
  const titleWidth = Math.max(...played.map(({ scene }) => scene.title.length));
  const rows = played.map((result, index) => ({
    number: String(index + 1).padStart(2),
    title: result.scene.title.padEnd(titleWidth),
    answers: result.failure ?? formatAnswers(result.exchanges),
    result,
  }));
  const answersWidth = Math.max(...rows.map(({ answers }) => answers.length));
  const rule = '─'.repeat(titleWidth + answersWidth + 19);
  const failed = played.filter(({ endedAsItMust }) => !endedAsItMust).length;
  return [
    rule,
    paint('bold', `    ${'Scene'.padEnd(titleWidth)}  ${'Answers'.padEnd(answersWidth)}`),
    rule,
    ...rows.map(
      ({ number, title, answers, result }) =>
        `${number}  ${title}  ${answers.padEnd(answersWidth)}  ${formatVerdict(result, paint)}${expectation(result)}`,
    ),
    rule,
    failed === 0
      ? paint('green', `All ${played.length} scenes ended as they must.`)
      : paint('red', `${failed} of ${played.length} scenes did not end as they must.`),
  ].join('\n');
}

export function formatVerdict({ endedAsItMust }: PlayedScene, paint: Paint): string {
  return endedAsItMust ? paint('green', '✓ as it must') : paint('red', '✗ not as it must');
}

/** The two ends of something long and opaque. */
export function shorten(text: string): string {
  return text.length <= 16 ? text : `${text.slice(0, 8)}…${text.slice(-6)}`;
}

function expectation({ endedAsItMust, scene }: PlayedScene): string {
  return endedAsItMust ? '' : ` (${formatOutcomes(scene.expected)})`;
}
