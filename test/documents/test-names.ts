import { readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import ts from 'typescript';
import { readDocument, ROOT } from './snippets.js';

/** The name of a test or of a group, as it is written, with `file` and line. */
export interface TestName {
  readonly place: string;
  readonly text: string;
}

const ID = '[A-K]\\d{1,2}o?';
const IDS = `${ID}(?:, ${ID})*`;
/** `refuses a proof whose jwk is private (C7)`, or `… (C7, D2)`. */
const AT_END = new RegExp(` \\((${IDS})\\)$`);
const LIKE_AN_ID = new RegExp(`(?<![\\w#.-])${ID}(?![\\w-])`, 'g');
/** A table of tests that names its ids in a column has nothing else in it. */
const ONLY_IDS = new RegExp(`^${IDS}$`);

/** The ids at the end of a name. */
export function idsAtEnd(name: string): readonly string[] {
  return AT_END.exec(name)?.[1]?.split(', ') ?? [];
}

/** What looks like an id at another place of a name. */
export function idsElsewhere(name: string): readonly string[] {
  return name.replace(AT_END, '').match(LIKE_AN_ID) ?? [];
}

/** The names of all tests and groups below these folders, and the ids in the tables that names are made of. */
export function readTestNames(folders: readonly string[]): {
  readonly names: readonly TestName[];
  readonly idsInTables: readonly string[];
} {
  const names: TestName[] = [];
  const idsInTables: string[] = [];
  for (const file of folders.flatMap(listSources)) {
    const source = ts.createSourceFile(file, readDocument(file), ts.ScriptTarget.ESNext, true);
    const visit = (node: ts.Node): void => {
      const name = ts.isCallExpression(node) ? nameIn(node) : undefined;
      if (name !== undefined) {
        const { line } = source.getLineAndCharacterOfPosition(name.getStart());
        names.push({ place: `${file}:${line + 1}`, text: name.getText().slice(1, -1) });
      } else if (ts.isStringLiteral(node) && ONLY_IDS.test(node.text)) {
        idsInTables.push(...node.text.split(', '));
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return { names, idsInTables };
}

function listSources(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file.split(sep).join('/')}`);
}

/** The first argument of `test(…)`, `describe.each(…)(…)`, and of what stands for them, such as `testWithTools(…)`. */
function nameIn({ expression, arguments: [name] }: ts.CallExpression): ts.Expression | undefined {
  if (name === undefined || !/^(?:test|describe)/.test(rootOf(expression).getText())) return undefined;
  return ts.isStringLiteralLike(name) || ts.isTemplateExpression(name) ? name : undefined;
}

function rootOf(callee: ts.Expression): ts.Expression {
  return ts.isCallExpression(callee) || ts.isPropertyAccessExpression(callee)
    ? rootOf(callee.expression)
    : callee;
}
