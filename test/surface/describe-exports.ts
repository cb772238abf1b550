import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const TYPE_FORMAT: ts.TypeFormatFlags =
  ts.TypeFormatFlags.NoTruncation |
  ts.TypeFormatFlags.UseSingleQuotesForStringLiteralType |
  ts.TypeFormatFlags.WriteArrowStyleSignature;

/**
 * What an entry point exports, as text: for each name its kind and, for what has members, each public or protected
 * member with its type. Sorted, so that two listings differ only where the surface does.
 *
 * @param entry such as `lib/index.ts`
 */
export function describeExports(entry: string): string {
  const program = createProgram(entry);
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(join(ROOT, entry));
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${entry} is not a module`);
  return checker
    .getExportsOfModule(module)
    .map((symbol) => describeSymbol(checker, symbol))
    .toSorted()
    .join('\n');
}

function createProgram(entry: string): ts.Program {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (file) => readFileSync(file, 'utf8')) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, ROOT);
  return ts.createProgram([join(ROOT, entry)], options);
}

function describeSymbol(checker: ts.TypeChecker, exported: ts.Symbol): string {
  const symbol =
    (exported.flags & ts.SymbolFlags.Alias) === 0 ? exported : checker.getAliasedSymbol(exported);
  const declaration = symbol.declarations?.[0];
  if (declaration === undefined) throw new Error(`${exported.name} is declared nowhere`);
  const name = exported.name + typeParametersOf(declaration);
  if (ts.isClassDeclaration(declaration)) return describeClass(checker, symbol, declaration, name);
  if (ts.isInterfaceDeclaration(declaration)) {
    const members = checker.getDeclaredTypeOfSymbol(symbol).getProperties();
    return [`interface ${name}`, ...describeMembers(checker, members, declaration)].join('\n');
  }
  if (ts.isTypeAliasDeclaration(declaration)) return `type ${name} = ${oneLine(declaration.type.getText())}`;
  return `const ${name}: ${typeOf(checker, symbol, declaration)}`;
}

function describeClass(
  checker: ts.TypeChecker,
  symbol: ts.Symbol,
  declaration: ts.ClassDeclaration,
  name: string,
): string {
  const isAbstract = ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Abstract;
  const heritage =
    declaration.heritageClauses?.map((clause) => ` ${oneLine(clause.getText())}`).join('') ?? '';
  const constructors = checker.getTypeOfSymbolAtLocation(symbol, declaration).getConstructSignatures();
  const own = checker
    .getDeclaredTypeOfSymbol(symbol)
    .getProperties()
    .filter((member) =>
      member.declarations?.some(
        ({ parent }) => parent === declaration || ts.isConstructorDeclaration(parent),
      ),
    );
  const statics = checker
    .getTypeOfSymbolAtLocation(symbol, declaration)
    .getProperties()
    .filter(
      (member) =>
        member.name !== 'prototype' && member.declarations?.some(({ parent }) => parent === declaration),
    );
  return [
    `${isAbstract ? 'abstract ' : ''}class ${name}${heritage}`,
    ...(isConstructedByUsers(declaration)
      ? constructors.map(
          (signature) => `  new ${checker.signatureToString(signature, declaration, TYPE_FORMAT)}`,
        )
      : []),
    ...describeMembers(checker, statics, declaration, 'static '),
    ...describeMembers(checker, own, declaration),
  ].join('\n');
}

/** Nest makes what is decorated; nobody depends on how. */
function isConstructedByUsers(declaration: ts.ClassDeclaration): boolean {
  const isDecorated = (ts.getDecorators(declaration) ?? []).length > 0;
  const constructor = declaration.members.find((member) => ts.isConstructorDeclaration(member));
  const isPrivate =
    constructor !== undefined && (ts.getCombinedModifierFlags(constructor) & ts.ModifierFlags.Private) !== 0;
  return !isDecorated && !isPrivate;
}

function describeMembers(
  checker: ts.TypeChecker,
  members: readonly ts.Symbol[],
  place: ts.Node,
  prefix = '',
): readonly string[] {
  return members.filter(isVisible).map((member) => {
    const [declaration] = member.declarations ?? [];
    const flags = declaration === undefined ? 0 : ts.getCombinedModifierFlags(declaration);
    const words = [
      flags & ts.ModifierFlags.Protected ? 'protected ' : '',
      flags & ts.ModifierFlags.Abstract ? 'abstract ' : '',
      flags & ts.ModifierFlags.Readonly ? 'readonly ' : '',
    ].join('');
    const optional = member.flags & ts.SymbolFlags.Optional ? '?' : '';
    return `  ${prefix}${words}${member.name}${optional}: ${typeOf(checker, member, place)}`;
  });
}

function isVisible(member: ts.Symbol): boolean {
  const isPrivate = member.declarations?.some(
    (declaration) => (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Private) !== 0,
  );
  // `__@iterator@…` and the like, and `#private` names.
  return isPrivate !== true && !/^(__|#)/.test(member.name);
}

function typeParametersOf(declaration: ts.Declaration): string {
  const parameters = (declaration as { typeParameters?: readonly ts.Node[] }).typeParameters ?? [];
  return parameters.length === 0 ? '' : `<${parameters.map((parameter) => parameter.getText()).join(', ')}>`;
}

function typeOf(checker: ts.TypeChecker, symbol: ts.Symbol, place: ts.Node): string {
  return oneLine(checker.typeToString(checker.getTypeOfSymbolAtLocation(symbol, place), place, TYPE_FORMAT));
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/= \| /, '= ').trim();
}
