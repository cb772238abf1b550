import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** One code block of a document, ready to be compiled. */
export interface Snippet {
  /** Where it stands: `README.md:12`, the line of its first line of code. */
  readonly place: string;
  readonly line: number;
  readonly document: string;
  /** A module. What the compiler says of its first line is said of `line`. */
  readonly code: string;
}

/** Whose examples speak of nothing but Nest and this package. */
const WITH_EXAMPLES =
  /^lib\/(module\/dpop\.module|authorization-server\/[^/]+|guard\/[^/]+|verification\/dpop(?:-proof)?\.verifier|security-events\/security-events\.module|(?:mcp|microservices|opentelemetry|swagger|platform-(?:socket\.io|ws))\/[^/]+|testing\/[^/]+)(?<!\.spec)\.ts$/;

const NEST_NAMES = [
  'Body',
  'Controller',
  'Get',
  'Injectable',
  'Module',
  'Post',
  'Req',
  'UseGuards',
  'UseInterceptors',
];

/** The blocks of a Markdown document that are fenced as `ts`, also within a list. They import what they use, as a reader would. */
export function readMarkdownSnippets(document: string): readonly Snippet[] {
  const text = readDocument(document);
  return [...text.matchAll(/^( *)```ts\n(.*?)^ *```$/gms)].map((match) => {
    const line = lineAt(text, match.index) + 1;
    const [, indent = '', code = ''] = match;
    const unindented = code.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
    return { document, line, place: `${document}:${line}`, code: `${unindented}\nexport {};\n` };
  });
}

/** The `@example` blocks of what users meet first. Imports are added, and a class around members of one. */
export function readExampleSnippets(): readonly Snippet[] {
  const imports = new Map([
    ['@nestjs/common', NEST_NAMES],
    ['nestjs-dpop', readExportedNames('lib/index.ts')],
    ['@nestjs/swagger', ['DocumentBuilder', 'SwaggerModule']],
    ['nestjs-dpop/swagger', readExportedNames('lib/swagger/index.ts')],
    ['nestjs-dpop/opentelemetry', readExportedNames('lib/opentelemetry/index.ts')],
    ['@rekog/mcp-nest', ['McpHttpControllerFor', 'StreamableHttpTransport']],
    ['nestjs-dpop/microservices', readExportedNames('lib/microservices/index.ts')],
    ['nestjs-dpop/mcp', readExportedNames('lib/mcp/index.ts')],
    ['nestjs-dpop/security-events', readExportedNames('lib/security-events/index.ts')],
    ['nestjs-dpop/platform-socket.io', readExportedNames('lib/platform-socket.io/index.ts')],
    ['nestjs-dpop/platform-ws', readExportedNames('lib/platform-ws/index.ts')],
    ['nestjs-dpop/testing', readExportedNames('lib/testing/index.ts')],
  ]);
  const sources = readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' })
    .map((file) => `lib/${file.split(sep).join('/')}`)
    .filter((file) => WITH_EXAMPLES.test(file));
  return sources.toSorted().flatMap((document) => {
    const text = readDocument(document);
    return [...text.matchAll(/^ *\* ```ts\n((?: *\*.*\n)*?) *\* ```$/gm)].map((match) => {
      const line = lineAt(text, match.index) + 1;
      const example = (match[1] ?? '').replace(/^ *\* ?/gm, '');
      return { document, line, place: `${document}:${line}`, code: completeExample(example, imports) };
    });
  });
}

/** Everything that is added stands on the first line or behind the last one, so that lines keep their numbers. */
function completeExample(example: string, imports: ReadonlyMap<string, readonly string[]>): string {
  const added = [...imports].map(([from, names]) => {
    const used = names.filter((name) => new RegExp(`\\b${name.replace('type ', '')}\\b`).test(example));
    return used.length === 0 ? '' : `import { ${used.join(', ')} } from '${from}'; `;
  });
  const body = isModuleText(example) ? example : `class Example { ${example} }`;
  return `${added.join('')}${body}\nexport {};\n`;
}

function isModuleText(text: string): boolean {
  const { diagnostics = [] } = ts.transpileModule(text, {
    reportDiagnostics: true,
    compilerOptions: { experimentalDecorators: true, module: ts.ModuleKind.ESNext },
  });
  return diagnostics.length === 0;
}

/** The names in `export { … } from`, with `type` before those that are types alone. */
function readExportedNames(document: string): readonly string[] {
  const names: string[] = [];
  for (const statement of parseSource(document).statements) {
    if (!ts.isExportDeclaration(statement) || statement.exportClause === undefined) continue;
    if (!ts.isNamedExports(statement.exportClause)) continue;
    for (const element of statement.exportClause.elements) {
      names.push(
        statement.isTypeOnly || element.isTypeOnly ? `type ${element.name.text}` : element.name.text,
      );
    }
  }
  return names;
}

/** One member of a documented interface. */
export interface DocumentedMember {
  readonly name: string;
  /** The text after `default` in its JSDoc, up to the next comma, colon or stop; `undefined` if there is none. */
  readonly defaultValue: string | undefined;
}

/** The members of an interface, with the defaults that their JSDoc names. */
export function readInterface(document: string, name: string): readonly DocumentedMember[] {
  const found = parseSource(document).statements.find(
    (statement) => ts.isInterfaceDeclaration(statement) && statement.name.text === name,
  );
  if (found === undefined || !ts.isInterfaceDeclaration(found)) throw new Error(`${document} has no ${name}`);
  return found.members.map((member) => {
    const comment = ts
      .getJSDocCommentsAndTags(member)
      .map((doc) => doc.getText())
      .join('\n');
    const [, code, number] = /\b[Dd]efault (?:`([^`]+)`|([\d,]+\d))/.exec(comment) ?? [];
    return { name: member.name?.getText() ?? '', defaultValue: code ?? number?.replaceAll(',', '') };
  });
}

/** The strings of a type that is a union of them. */
export function readStringUnion(document: string, name: string): readonly string[] {
  const found = parseSource(document).statements.find(
    (statement) => ts.isTypeAliasDeclaration(statement) && statement.name.text === name,
  );
  if (found === undefined || !ts.isTypeAliasDeclaration(found)) throw new Error(`${document} has no ${name}`);
  return [...found.type.getText().matchAll(/'([^']+)'/g)].map(([, value]) => value ?? '');
}

function parseSource(document: string): ts.SourceFile {
  return ts.createSourceFile(document, readDocument(document), ts.ScriptTarget.ESNext, true);
}

export function readDocument(document: string): string {
  return readFileSync(join(ROOT, relative('.', document)), 'utf8');
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
