import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../documents/snippets.js';

const HEAD = [
  'client',
  'version',
  'passes',
  'a nonce of the API',
  'a nonce of the authorization server',
  'what to know',
] as const;

export type NonceAnswer = 'by itself' | 'in your code' | 'not possible';

/** What the test observed of one client. */
export interface ClientRow {
  readonly name: string;
  readonly passes: boolean;
  readonly apiNonce: NonceAnswer;
  readonly issuerNonce: NonceAnswer;
  readonly whatToKnow: string;
}

/** The table of clients in Markdown, as prettier formats it. The versions are those of the installed packages. */
export function formatTable(rows: readonly ClientRow[]): string {
  const cells = rows.map(({ name, passes, apiNonce, issuerNonce, whatToKnow }) => [
    `\`${name}\``,
    versionOf(name),
    passes ? 'yes' : 'no',
    apiNonce,
    issuerNonce,
    whatToKnow,
  ]);
  const widths = HEAD.map((_head, column) =>
    Math.max(...[HEAD, ...cells].map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [HEAD, widths.map((width) => '-'.repeat(width)), ...cells].map(line).join('\n');
}

/** The same table as it stands in a document. */
export function readTable(document: string): string {
  return tableIn(readFileSync(join(ROOT, document), 'utf8'));
}

/** Puts the table into a document, in the place of the present one. */
export function writeTable(document: string, table: string): void {
  const file = join(ROOT, document);
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    text.replace(tableIn(text), () => table),
  );
}

function tableIn(text: string): string {
  const [table] = /^\| client .*(?:\n\|.*)+/m.exec(text) ?? [];
  if (table === undefined) throw new Error('There is no table of clients');
  return table;
}

function versionOf(name: string): string {
  const manifest = readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
