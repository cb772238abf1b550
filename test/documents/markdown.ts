import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { slugOf } from '../../docs/.vitepress/pages.js';
import { readDocument, ROOT } from './snippets.js';

/** The pages in `docs/`, by their paths in the repository. */
export const PAGES: readonly string[] = readdirSync(join(ROOT, 'docs'))
  .filter((file) => file.endsWith('.md'))
  .map((file) => `docs/${file}`)
  .toSorted();

/** Everything a reader opens. */
export const DOCUMENTS: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'sample/README.md',
  'sample/01-quickstart/README.md',
  'sample/02-fleet/README.md',
  'sample/03-keycloak/README.md',
  ...PAGES,
];

/** The text of a document without its code blocks. */
export function readProse(document: string): string {
  return readDocument(document).replaceAll(/^ *(`{3,})[^\n]*\n.*?^ *\1$/gms, '');
}

/** Rows of all tables of a document: their cells, without the blanks around them. */
export function readRows(document: string): readonly (readonly string[])[] {
  return readProse(document)
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}

/** The cells of the one row of a document that is about this name, in the tables whose head begins with this word. */
export function readRow(document: string, name: string, head = ''): readonly string[] {
  const found = rowsUnder(document, head).filter(([first]) => first === `\`${name}\``);
  if (found.length === 0) throw new Error(`${document} has no row for ${name}`);
  return found.flat();
}

/** The first cells, in backticks, of all tables of a document whose head begins with this word. */
export function readNames(document: string, head: string): readonly string[] {
  return rowsUnder(document, head).map(([first = '']) => first.replaceAll('`', ''));
}

/** The rows that begin with a name in backticks. */
function rowsUnder(document: string, head: string): readonly (readonly string[])[] {
  const rows: (readonly string[])[] = [];
  let inside = false;
  for (const cells of readRows(document)) {
    const [first = ''] = cells;
    const isName = first.startsWith('`');
    if (!isName && !first.startsWith('-')) inside = first.startsWith(head);
    else if (isName && inside) rows.push(cells);
  }
  return rows;
}

/** The anchors of a document's headings. */
export function readAnchors(document: string): readonly string[] {
  return [...readProse(document).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => slugOf(heading));
}

/** Links and pictures of a document that lead nowhere. A link to a file must name it with its extension. */
export function findBrokenLinks(document: string): readonly string[] {
  const targets = [...readProse(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target) && !leadsSomewhere(document, target));
}

function leadsSomewhere(document: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? document : normalize(join(dirname(document), path));
  if (!existsSync(join(ROOT, file))) return false;
  return anchor === undefined || (file.endsWith('.md') && readAnchors(file).includes(anchor));
}
