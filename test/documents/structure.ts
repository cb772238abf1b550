/** A line of a page that no longer stands where its author put it, for example after a merge. */
export interface Damage {
  readonly line: number;
  readonly what: string;
}

interface Line {
  readonly number: number;
  readonly text: string;
}

const FENCE = /^ *(`{3,})(.*)$/;
const SEPARATOR = /^ *\|(?: *:?-+:? *\|)+ *$/;
/** What begins a line of code and no sentence: an import, an export, a decorator, a lone bracket. */
const CODE =
  /^ *(?:import [^.]* from '|export (?:abstract|class|const|function|async)\b|@[A-Z]\w*\(|[{}]\)?;?$)/;

/** Fences without their other half, tables without a separator or with unequal rows, and code outside of fences. */
export function findDamage(text: string): readonly Damage[] {
  const { prose, damage } = leaveOutFences(text);
  const code = prose.filter((line) => CODE.test(line.text));
  return [
    ...damage,
    ...tablesIn(prose).flatMap(examineTable),
    ...code.map(({ number }) => ({ line: number, what: 'code outside of a fence' })),
  ];
}

function leaveOutFences(text: string): {
  readonly prose: readonly Line[];
  readonly damage: readonly Damage[];
} {
  const prose: Line[] = [];
  const damage: Damage[] = [];
  let open: { readonly line: number; readonly ticks: string } | undefined;
  for (const [at, line] of text.split('\n').entries()) {
    const [, ticks = '', info = ''] = FENCE.exec(line) ?? [];
    if (open === undefined) {
      if (ticks === '') prose.push({ number: at + 1, text: line });
      else open = { line: at + 1, ticks };
    } else if (ticks.length >= open.ticks.length) {
      if (info.trim() === '') open = undefined;
      else damage.push({ line: at + 1, what: 'a fence within a fence' });
    }
  }
  if (open !== undefined) damage.push({ line: open.line, what: 'a fence without an end' });
  return { prose, damage };
}

/** Rows that follow each other without another line between them. */
function tablesIn(lines: readonly Line[]): readonly (readonly Line[])[] {
  const tables: Line[][] = [];
  for (const line of lines.filter(({ text }) => text.trimStart().startsWith('|'))) {
    const last = tables.at(-1);
    if (last?.at(-1)?.number === line.number - 1) last.push(line);
    else tables.push([line]);
  }
  return tables;
}

function examineTable([head, separator, ...rows]: readonly Line[]): readonly Damage[] {
  if (head === undefined) return [];
  const isWhole = separator !== undefined && SEPARATOR.test(separator.text) && rows.length > 0;
  if (!isWhole) return [{ line: head.number, what: 'a table without a separator or without rows' }];
  const columns = countColumns(head);
  return [separator, ...rows]
    .filter((row) => countColumns(row) !== columns)
    .map(({ number }) => ({ line: number, what: `a row that has not ${columns} columns` }));
}

function countColumns({ text }: Line): number {
  return text.replaceAll(String.raw`\|`, '').split('|').length - 2;
}
