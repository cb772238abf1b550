import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import { ROOT } from './documents/snippets.js';

interface ModuleEditor {
  editModule(source: string, options: object): { readonly source: string; readonly outcome: string };
}
interface PackageEditor {
  editPackage(text: string): {
    readonly text: string;
    readonly added: readonly string[];
    readonly jest: string;
  };
  editJestConfig(text: string): { readonly text: string; readonly outcome: string };
}

const require = createRequire(import.meta.url);
const { editModule } = require('../schematics/nest-add/module-editor.js') as ModuleEditor;
const { nestAdd } = require('../schematics/nest-add/index.js') as {
  nestAdd(options: object): (tree: object, context: object) => unknown;
};
const { editPackage, editJestConfig } = require('../schematics/nest-add/package-editor.js') as PackageEditor;

const options = {
  issuer: "https://auth.example.com/o'neil",
  audience: 'https://api.test',
  origin: 'http://localhost:3000',
};

/** The metadata of the module, as the compiler reads it. */
function metadataOf(source: string): Readonly<Record<string, readonly string[]>> {
  const file = ts.createSourceFile('app.module.ts', source, ts.ScriptTarget.Latest, true);
  const { parseDiagnostics } = file as unknown as { parseDiagnostics: readonly ts.Diagnostic[] };
  expect(parseDiagnostics.map(({ messageText }) => messageText)).toStrictEqual([]);
  const found: Record<string, readonly string[]> = {};
  const visit = (node: ts.Node): void => {
    if (ts.isClassDeclaration(node) && node.name?.text === 'AppModule') {
      const decorator = ts.getDecorators(node)?.find((item) => item.getText().startsWith('@Module'));
      if (decorator === undefined) throw new Error('AppModule is not decorated');
      const [metadata] = (decorator.expression as ts.CallExpression).arguments;
      for (const property of (metadata as ts.ObjectLiteralExpression).properties) {
        const { initializer } = property as ts.PropertyAssignment;
        const items = ts.isArrayLiteralExpression(initializer) ? initializer.elements : [initializer];
        found[property.name?.getText() ?? ''] = items.map((item) => item.getText().replace(/\s+/g, ' '));
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const HEAD = `import { Module } from '@nestjs/common';\n`;
const SHAPES: Readonly<Record<string, string>> = {
  'as the Nest CLI writes it': `${HEAD}
@Module({
  imports: [],
  controllers: [AppController],
  providers: [AppService],
})
export class AppModule {}
`,
  'without metadata': `${HEAD}@Module({})\nexport class AppModule {}\n`,
  'on one line': `${HEAD}@Module({ imports: [ConfigModule.forRoot()], providers: [AppService] })\nexport class AppModule {}\n`,
  'without commas at the end': `${HEAD}@Module({
  imports: [
    ConfigModule.forRoot({ isGlobal: true }),
    TypeOrmModule.forRoot({ imports: [1], providers: [2] })
  ],
  providers: [
    AppService
  ]
})
export class AppModule {}
`,
  'with comments that look like code': `${HEAD}/* @Module({ imports: [] }) export class AppModule {} */
@Module({
  // imports: [Old],
  imports: [
    Users, // the last ] one
  ],
  providers: [AppService /* , { provide: APP } */],
})
export class AppModule {}
`,
  'with strings, templates and regular expressions that hold brackets': `${HEAD}
@Module({
  imports: [Router.register('}])', \`]\${'}'}\`), Match.with({ path: /[/\\]})]+/ })],
  providers: [{ provide: 'imports: [', useValue: "providers: [" }],
})
export class AppModule {}
`,
  'with another module in the file': `${HEAD}
@Module({ providers: [Other] })
class OtherModule {}

@Module({ imports: [OtherModule] })
@Global()
export class AppModule {}
`,
  'with imports over several lines and no semicolons': `import { Module } from '@nestjs/common'
import {
  Users,
  Accounts,
} from './modules'

@Module({ imports: [Users, Accounts] })
export class AppModule {}
`,
  'with tabs': `${HEAD}@Module({\n\timports: [\n\t\tUsers,\n\t],\n})\nexport class AppModule {}\n`,
};

describe('nest add edits the app module', () => {
  test.each(Object.entries(SHAPES))('%s', (_what, source) => {
    const before = metadataOf(source);
    const { source: edited, outcome } = editModule(source, options);
    expect(outcome).toBe('added');
    const after = metadataOf(edited);
    const forRoot =
      "DpopModule.forRoot({ origin: 'http://localhost:3000', accessToken: { issuer: 'https://auth.example.com/o\\'neil', audience: 'https://api.test' }, })";
    expect(after).toEqual({
      ...before,
      imports: [...(before['imports'] ?? []), forRoot],
      providers: [...(before['providers'] ?? []), '{ provide: APP_GUARD, useExisting: DpopGuard }'],
    });
    const file = ts.createSourceFile('app.module.ts', edited, ts.ScriptTarget.Latest);
    const imported = file.statements.filter((statement) => ts.isImportDeclaration(statement)).length;
    expect(file.statements.slice(0, imported).every((statement) => ts.isImportDeclaration(statement))).toBe(
      true,
    );
    expect(edited).toContain(
      "import { APP_GUARD } from '@nestjs/core';\nimport { DpopGuard, DpopModule } from 'nestjs-dpop';\n",
    );
    // Nothing else of the source has changed.
    expect(editModule(edited, options)).toEqual({ source: edited, outcome: 'there' });
  });

  test('a guard of the app keeps its import', () => {
    const source = `import { APP_GUARD } from '@nestjs/core';\n${HEAD}@Module({ providers: [{ provide: APP_GUARD, useClass: Own }] })\nexport class AppModule {}\n`;
    const { source: edited } = editModule(source, options);
    expect(edited.match(/import \{ APP_GUARD \}/g)).toHaveLength(1);
  });

  test.each([
    ['metadata in a variable', `${HEAD}@Module(metadata)\nexport class AppModule {}\n`],
    [
      'a list in a variable',
      `${HEAD}@Module({ imports: modules, providers: [] })\nexport class AppModule {}\n`,
    ],
    [
      'a list of a function',
      `${HEAD}@Module({ imports: [], providers: providersOf() })\nexport class AppModule {}\n`,
    ],
    [
      'a list by its short name',
      `${HEAD}const imports = [];\n@Module({ imports, providers: [] })\nexport class AppModule {}\n`,
    ],
    ['metadata that is spread', `${HEAD}@Module({ ...base, providers: [] })\nexport class AppModule {}\n`],
    ['two modules of other names', `${HEAD}@Module({})\nclass A {}\n@Module({})\nclass B {}\n`],
    ['no module', 'export {};\n'],
    ['brackets that do not match', `${HEAD}@Module({ imports: [ }) export class AppModule {}\n`],
  ])('%s is left as it is, for the developer to edit', (_what, source) => {
    expect(editModule(source, options)).toEqual({ source, outcome: 'unreadable' });
  });
});

const ISSUER_WORDS = '--issuer must be an https URL, the issuer exactly as in iss';

test.each([
  'nonsense',
  'http://keycloak:8080',
  'ftp://auth.example.com',
  'https://auth.example.com?tenant=1',
  'https://auth.example.com#a',
  'https://user@auth.example.com',
])('an issuer at %j is an error before anything is written', (issuer) => {
  expect(() => nestAdd({ issuer })).toThrow(ISSUER_WORDS);
  expect(() => nestAdd({ origin: issuer })).toThrow('--origin must be an https URL such as');
  expect(() => nestAdd({ issuer: 'http://localhost:4000' })).not.toThrow();
});

test('an unknown flag is an error that names it, and the flags', () => {
  expect(() => nestAdd({ isuer: 'https://auth.example.com' })).toThrow(
    'there is no flag --isuer; the flags are --issuer, --audience, --origin, --module, --path, --skip-install',
  );
  expect(() => nestAdd({ sourceRoot: 'src', project: 'app', skipInstall: true })).not.toThrow();
});

/** The part of a tree of the Angular devkit that the schematic uses. */
class Files {
  readonly files = new Map<string, string>([
    ['package.json', '{"dependencies":{"@nestjs/core":"^12.0.0"}}'],
    ['src/app.module.ts', `${HEAD}@Module({})\nexport class AppModule {}\n`],
  ]);
  readonly exists = (path: string) => this.files.has(path);
  readonly read = (path: string) => this.files.get(path) ?? null;
  readonly overwrite = (path: string, text: string) => void this.files.set(path, text);
  readonly create = this.overwrite;
}

function runNestAdd(given: object, tree = new Files()) {
  const lines: string[] = [];
  const logger = {
    info: (text: string) => lines.push(`info ${text}`),
    warn: (text: string) => lines.push(`warn ${text}`),
  };
  nestAdd({ skipInstall: true, ...given })(tree, { logger, addTask: () => {} });
  return { tree, output: lines.join('\n') };
}

describe('nest add tells what it does', () => {
  const values = {
    issuer: 'https://auth.example.com',
    audience: 'https://api.example.com',
    origin: 'https://api.example.com',
  };

  test('the values in use, and the path of the test with a slash', () => {
    const { tree, output } = runNestAdd({ ...values, path: 'health' });
    expect(output).toContain(
      'info nestjs-dpop: issuer https://auth.example.com, audience https://api.example.com, origin https://api.example.com; the test calls /health',
    );
    expect(output).not.toContain('warn');
    expect(tree.read('test/dpop.e2e-spec.ts')).toContain('getUrl()}/health`');
  });

  test('the development issuer loudly, and what to change', () => {
    expect(runNestAdd({}).output).toMatch(
      /warn DEVELOPMENT ISSUER: the service trusts http:\/\/localhost:4000, .*\nBefore production, set accessToken\.issuer/,
    );
  });

  test('a module that is missing, before anything is changed', () => {
    const tree = new Files();
    const before = new Map(tree.files);
    expect(() => runNestAdd({ ...values, module: 'src/main.module.ts' }, tree)).toThrow(
      '--module: there is no src/main.module.ts',
    );
    expect(tree.files).toEqual(before);
  });

  test('the values that a second run ignores', () => {
    const { tree } = runNestAdd(values);
    const source = tree.read('src/app.module.ts');
    const { output } = runNestAdd({ ...values, issuer: 'https://other.example.com' }, tree);
    expect(output).toContain('warn Ignored: --issuer; change the values in src/app.module.ts.');
    expect(runNestAdd(values, tree).output).not.toContain('warn');
    expect(tree.read('src/app.module.ts')).toBe(source);
  });
});

describe('nest add edits package.json and the configuration of Jest', () => {
  const manifest = (changes: object) =>
    `${JSON.stringify({ name: 'app', dependencies: { '@nestjs/core': '^11.0.1', zod: '^4.0.0' }, ...changes }, undefined, 2)}\n`;

  test('the peers of the version of Nest, and the preset where Jest runs CommonJS', () => {
    const { text, added, jest } = editPackage(manifest({ jest: { rootDir: 'src' } }));
    expect({ added, jest }).toEqual({ added: ['@nestjs/passport', 'passport'], jest: 'added' });
    const edited = JSON.parse(text) as { dependencies: object; jest: object };
    expect(Object.entries(edited.dependencies)).toEqual([
      ['@nestjs/core', '^11.0.1'],
      ['@nestjs/passport', '^11.0.0'],
      ['passport', '^0.7.0'],
      ['zod', '^4.0.0'],
    ]);
    expect(edited.jest).toEqual({ preset: 'nestjs-dpop', rootDir: 'src' });
    expect(editPackage(text)).toEqual({ text, added: [], jest: 'there' });
  });

  test('an ES module app of Nest 12 needs no preset', () => {
    const { text, jest } = editPackage(
      manifest({ type: 'module', dependencies: { '@nestjs/core': '^12.0.1' } }),
    );
    expect(jest).toBe('not used');
    expect(text).toContain('"@nestjs/passport": "^12.0.0"');
  });

  test('another preset, or a line of the app, stays as it is', () => {
    for (const config of [{ preset: 'ts-jest' }, { transformIgnorePatterns: ['x'] }])
      expect(editJestConfig(JSON.stringify(config))).toEqual({
        text: JSON.stringify(config),
        outcome: 'unreadable',
      });
    const own = JSON.stringify({ transformIgnorePatterns: ['/node_modules/(?!(nestjs-dpop|jose)/)'] });
    expect(editJestConfig(own)).toEqual({ text: own, outcome: 'there' });
  });
});

test('the preset of Jest transforms the ES modules, and no others, in the folders of npm and of pnpm', () => {
  const preset = JSON.parse(readFileSync(join(ROOT, 'jest-preset.json'), 'utf8')) as {
    readonly transformIgnorePatterns: readonly [string];
  };
  const isIgnored = (path: string) => new RegExp(preset.transformIgnorePatterns[0]).test(path);
  const transformed = ['nestjs-dpop', 'jose', '@nestjs/passport', 'oauth4webapi'];
  for (const name of transformed) {
    expect(isIgnored(`/app/node_modules/${name}/dist/index.js`)).toBe(false);
    const inStore = `/app/node_modules/.pnpm/${name.replace('/', '+')}@1.0.0_peer@2/node_modules/${name}/dist/index.js`;
    expect(isIgnored(inStore)).toBe(false);
  }
  for (const name of ['rxjs', '@nestjs/core', 'jose-else', 'nestjs-dpop-else']) {
    expect(isIgnored(`/app/node_modules/${name}/index.js`)).toBe(true);
    expect(
      isIgnored(`/app/node_modules/.pnpm/${name.replace('/', '+')}@1.0.0/node_modules/${name}/index.js`),
    ).toBe(true);
  }
  expect(isIgnored('/app/src/app.module.ts')).toBe(false);
});
