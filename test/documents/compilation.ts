import { join } from 'node:path';
import ts from 'typescript';
import { ROOT, type Snippet } from './snippets.js';

/** What an `@example` may speak of without saying where it came from. */
const PLACEHOLDERS = `
declare const denyList: import('nestjs-dpop').DenyList;
declare const proofs: import('nestjs-dpop').DpopProofVerifier;
declare const bindings: import('nestjs-dpop').DpopBindings;
declare const client: import('nestjs-dpop').BindingClient;
declare const body: Readonly<Record<string, unknown>>;
declare const jkt: string | undefined;
declare const verifier: import('nestjs-dpop').DpopVerifier;
declare const request: import('node:http').IncomingMessage;
declare const issuer: import('nestjs-dpop/testing').TestIssuer;
declare const url: string;
declare const app: import('@nestjs/common').INestApplication;
`;

/** The page whose blocks run in browsers, apart from those that import Nest. */
const BROWSER_PAGE = 'docs/clients.md';

/** The name of a file in the first line of a block for browsers, by which the other blocks import it. */
const FILE_NAME = /^\/\/ ([\w-]+\.ts)\b/;

/**
 * Compiles all snippets, with the options of the repository, as files of `test/documents`: those for Node.js in one
 * program, those for browsers in another.
 *
 * @returns what the compiler says of each, as `README.md:12:5 message`
 */
export function checkSnippets(snippets: readonly Snippet[]): ReadonlyMap<Snippet, readonly string[]> {
  const forBrowsers = snippets.filter(isForBrowsers);
  const forNode = snippets.filter((snippet) => !isForBrowsers(snippet));
  return new Map([
    ...compile(forNode, {}, new Map([[inFolder('placeholders.d.ts'), PLACEHOLDERS]])),
    // The types of the client libraries are not written for `exactOptionalPropertyTypes`.
    ...compile(
      forBrowsers,
      { ...BROWSER_LIBRARIES, types: [], exactOptionalPropertyTypes: false },
      new Map(),
    ),
  ]);
}

const BROWSER_LIBRARIES = { lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'] };

function isForBrowsers({ document, code }: Snippet): boolean {
  return document === BROWSER_PAGE && !code.includes("'@nestjs/");
}

const inFolder = (file: string) => join(ROOT, 'test/documents', file);

function compile(
  snippets: readonly Snippet[],
  options: ts.CompilerOptions,
  placeholders: ReadonlyMap<string, string>,
): readonly (readonly [Snippet, readonly string[]])[] {
  const files = snippets.map((snippet, at): readonly [string, Snippet] => {
    const name = isForBrowsers(snippet) ? FILE_NAME.exec(snippet.code)?.[1] : undefined;
    return [inFolder(name ?? `snippet-${at}.ts`), snippet];
  });
  const texts = new Map(files.map(([file, { code }]) => [file, code]));
  const program = createProgram(new Map([...texts, ...placeholders]), options);
  return files.map(([file, snippet]) => {
    const source = program.getSourceFile(file);
    const diagnostics = [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ];
    return [snippet, diagnostics.map((diagnostic) => describe(diagnostic, snippet))];
  });
}

function createProgram(texts: ReadonlyMap<string, string>, special: ts.CompilerOptions): ts.Program {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (file) => ts.sys.readFile(file)) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, ROOT);
  // A snippet ends before it has used everything it names.
  const relaxed = { ...options, noUnusedLocals: false, noUnusedParameters: false, ...special };
  const host = ts.createCompilerHost(relaxed);
  const fromDisk = { readFile: host.readFile.bind(host), fileExists: host.fileExists.bind(host) };
  host.readFile = (file) => texts.get(join(file)) ?? fromDisk.readFile(file);
  host.fileExists = (file) => texts.has(join(file)) || fromDisk.fileExists(file);
  return ts.createProgram([...texts.keys()], relaxed, host);
}

function describe({ file, start, messageText }: ts.Diagnostic, { document, line }: Snippet): string {
  const at = file === undefined ? { line: 0, character: 0 } : file.getLineAndCharacterOfPosition(start ?? 0);
  const message = ts.flattenDiagnosticMessageText(messageText, '\n');
  return `${document}:${line + at.line}:${at.character + 1} ${message}`;
}
