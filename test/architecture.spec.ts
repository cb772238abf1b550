import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';

interface Import {
  /** A file of lib, such as `proof/htu.ts`, or the name of a package. */
  readonly target: string;
  readonly internal: boolean;
}

interface SourceFile {
  /** Below lib, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LIB = `${ROOT}lib`;

function parseFile(path: string): SourceFile {
  const text = readFileSync(`${LIB}/${path}`, 'utf8');
  const imports = specifiersOf(ts.createSourceFile(path, text, ts.ScriptTarget.Latest)).map((specifier) =>
    specifier.startsWith('.')
      ? { target: posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts'), internal: true }
      : { target: specifier, internal: false },
  );
  return { path, text, imports };
}

/** Of imports and re-exports, static or not, of values and of types. */
function specifiersOf(source: ts.SourceFile): string[] {
  const specifiers: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node.moduleSpecifier);
    if (ts.isCallExpression(node) && isLoader(node.expression)) add(node.arguments[0]);
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal);
    ts.forEachChild(node, visit);
  };
  const add = (specifier: ts.Node | undefined) => {
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) specifiers.push(specifier.text);
  };
  visit(source);
  return specifiers;
}

function isLoader(callee: ts.Expression): boolean {
  return (
    callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require')
  );
}

const paths = readdirSync(LIB, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts'))
  .toSorted();
const files = paths.filter((path) => !path.endsWith('.spec.ts')).map(parseFile);
const byPath = new Map(files.map((file) => [file.path, file]));

/** `file → what it imports`, of the imports that are not allowed. */
function arrows(from: RegExp, forbidden: (item: Import) => boolean): string[] {
  return files
    .filter(({ path }) => from.test(path))
    .flatMap(({ path, imports }) => imports.filter(forbidden).map(({ target }) => `${path} → ${target}`));
}

const isNest = ({ target }: Import) => /^@nestjs\/|^passport|^rxjs|^reflect-metadata/.test(target);

/** Each room, and the rooms below it that its files may import. Anything else is red. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  jws: [],
  runtime: [],
  http: ['errors'],
  transport: ['errors', 'http'],
  nonce: ['errors', 'runtime'],
  storage: ['errors', 'runtime', 'nonce'],
  proof: ['errors', 'jws', 'http', 'nonce'],
  claims: ['errors', 'http'],
  outbound: [],
  issuer: ['errors', 'jws', 'runtime', 'http', 'claims', 'outbound'],
  'access-token': ['errors', 'jws', 'runtime', 'http', 'claims', 'outbound', 'issuer'],
  revocation: ['errors', 'runtime', 'claims'],
  tickets: ['errors', 'http', 'nonce'],
  metadata: ['errors', 'http'],
  telemetry: ['errors', 'jws', 'runtime', 'http'],
  verification: [
    'errors',
    'jws',
    'runtime',
    'http',
    'nonce',
    'storage',
    'proof',
    'claims',
    'access-token',
    'revocation',
    'telemetry',
    'tickets',
  ],
  config: [
    'errors',
    'jws',
    'runtime',
    'http',
    'nonce',
    'storage',
    'proof',
    'issuer',
    'metadata',
    'access-token',
    'revocation',
    'verification',
  ],
  profiles: ['errors', 'jws', 'http', 'claims', 'issuer', 'access-token', 'config'],
  sessions: ['errors', 'http', 'runtime', 'revocation', 'verification'],
  guard: [
    'errors',
    'http',
    'transport',
    'access-token',
    'revocation',
    'telemetry',
    'tickets',
    'verification',
    'config',
    'sessions',
  ],
  handshake: ['errors', 'http', 'transport', 'telemetry', 'verification', 'config', 'sessions', 'guard'],
  module: [
    'errors',
    'http',
    'transport',
    'nonce',
    'storage',
    'metadata',
    'access-token',
    'revocation',
    'telemetry',
    'tickets',
    'verification',
    'config',
    'sessions',
    'guard',
    'handshake',
  ],
  'authorization-server': [
    'errors',
    'http',
    'nonce',
    'telemetry',
    'verification',
    'config',
    'guard',
    'module',
  ],
  // Entry points of their own, which no other room knows.
  redis: ['errors', 'runtime', 'nonce', 'storage', 'revocation'],
  'security-events': ['errors', 'jws', 'runtime', 'http', 'issuer', 'revocation', 'guard', 'module'],
  'platform-socket.io': ['errors', 'http', 'transport', 'verification', 'sessions', 'handshake'],
  'platform-ws': ['transport', 'verification', 'handshake'],
  testing: [
    'errors',
    'runtime',
    'transport',
    'nonce',
    'storage',
    'claims',
    'issuer',
    'verification',
    'guard',
  ],
  introspection: ['errors', 'jws', 'runtime', 'claims', 'outbound', 'issuer', 'access-token'],
  opentelemetry: ['errors', 'telemetry'],
  swagger: ['errors', 'verification', 'config', 'guard', 'module'],
  mcp: ['errors', 'http', 'telemetry', 'verification', 'guard'],
  microservices: ['errors', 'http', 'transport', 'verification', 'config', 'guard'],
  // The command line. It makes the checks of the other rooms; no room knows it.
  cli: [
    'errors',
    'jws',
    'runtime',
    'http',
    'nonce',
    'storage',
    'proof',
    'outbound',
    'issuer',
    'access-token',
    'verification',
    'config',
    'redis',
  ],
};

const KNOW_NEST = [
  'guard',
  'handshake',
  'module',
  'transport',
  'platform-socket.io',
  'platform-ws',
  'security-events',
  'authorization-server',
  'mcp',
  'microservices',
  'swagger',
  'testing',
];
const KNOW_IOREDIS = ['redis'];
const KNOW_OAUTH4WEBAPI = ['introspection'];
const KNOW_OPENTELEMETRY = ['opentelemetry'];

const roomOf = (path: string): string => path.slice(0, Math.max(0, path.indexOf('/')));

describe('who may know whom', () => {
  test('all of lib is looked at, and its imports are found', () => {
    expect(paths).toContain('http/http-uri.ts');
    const guard = byPath.get('guard/dpop.guard.ts')?.imports.map(({ target }) => target) ?? [];
    expect(guard).toContain('@nestjs/common');
    expect(guard).toContain('errors/dpop.error.ts');
    const missing = files.flatMap(({ path, imports }) =>
      imports
        .filter(({ target, internal }) => internal && !byPath.has(target))
        .map(({ target }) => `${path} → ${target}`),
    );
    expect(missing).toStrictEqual([]);
  });

  test('every room has its row, none holds a single file, and only index.ts stands outside of them', () => {
    const rooms = new Set(files.map(({ path }) => roomOf(path)).filter(Boolean));
    expect([...rooms].toSorted()).toEqual(Object.keys(MAY_IMPORT).toSorted());
    expect(paths.filter((path) => roomOf(path) === '')).toEqual(['index.ts']);
    expect(paths.filter((path) => path.split('/').length > 2)).toStrictEqual([]);
    const sizes = [...rooms].map((room) => files.filter(({ path }) => roomOf(path) === room).length);
    expect(Math.min(...sizes)).toBeGreaterThan(1);
  });

  test('the table has no circle: each room names only rooms above its own row', () => {
    const names = Object.keys(MAY_IMPORT);
    for (const [room, below] of Object.entries(MAY_IMPORT))
      expect(below.filter((name) => names.indexOf(name) >= names.indexOf(room))).toStrictEqual([]);
  });

  test.each(Object.entries(MAY_IMPORT))('%s imports only what stands below it: %j', (room, below) => {
    const allowed = new Set([room, ...below]);
    expect(
      arrows(new RegExp(`^${room}/`), ({ target, internal }) => internal && !allowed.has(roomOf(target))),
    ).toStrictEqual([]);
  });

  test('the table allows nothing that is not needed', () => {
    const used = (room: string): string[] =>
      files
        .filter(({ path }) => roomOf(path) === room)
        .flatMap(({ imports }) =>
          imports.filter(({ internal }) => internal).map(({ target }) => roomOf(target)),
        );
    const unused = Object.entries(MAY_IMPORT).flatMap(([room, below]) =>
      below.filter((name) => !used(room).includes(name)).map((name) => `${room} → ${name}`),
    );
    expect(unused).toStrictEqual([]);
  });

  test('only the rooms named above know Nest, ioredis and oauth4webapi', () => {
    const knows = (rooms: readonly string[], isKnown: (item: Import) => boolean): string[] =>
      files
        .filter(({ path, imports }) => !rooms.includes(roomOf(path)) && imports.some(isKnown))
        .map(({ path }) => path);
    expect(knows(KNOW_NEST, isNest)).toStrictEqual([]);
    expect(knows(KNOW_IOREDIS, ({ target }) => target === 'ioredis')).toStrictEqual([]);
    expect(knows(KNOW_OAUTH4WEBAPI, ({ target }) => target === 'oauth4webapi')).toStrictEqual([]);
    expect(knows(KNOW_OPENTELEMETRY, ({ target }) => target.startsWith('@opentelemetry/'))).toStrictEqual([]);
  });

  test('only what package.json promises is imported, and Node by its prefix', () => {
    const { dependencies, peerDependencies } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
      readonly dependencies: Readonly<Record<string, string>>;
      readonly peerDependencies: Readonly<Record<string, string>>;
    };
    const promised = new Set(Object.keys({ ...dependencies, ...peerDependencies }));
    const packageOf = (target: string) => /^(?:@[^/]+\/)?[^/]+/.exec(target)?.[0] ?? target;
    const isPromised = ({ target, internal }: Import) =>
      internal || (isBuiltin(target) ? target.startsWith('node:') : promised.has(packageOf(target)));
    expect(arrows(/./, (item) => !isPromised(item))).toStrictEqual([]);
  });

  test('no file imports itself by way of others', () => {
    expect(findCircles()).toStrictEqual([]);
  });
});

function findCircles(): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    if (trail.includes(path) || done.has(path)) return;
    const internal = byPath.get(path)?.imports.filter((item) => item.internal) ?? [];
    for (const { target } of internal) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const { path } of files) visit(path, []);
  return circles;
}

describe('the shape of files', () => {
  test.each(files.map(({ path }) => path))('%s has a name of its own and at most 220 lines', (path) => {
    expect(path).toMatch(/^([a-z\d]+([.-][a-z\d]+)*\/)*[a-z\d]+([.-][a-z\d]+)*\.ts$/);
    expect(path).not.toMatch(/(^|[/.-])(utils?|helpers?|common|misc|shared)([/.-]|$)/);
    expect(byPath.get(path)?.text.trimEnd().split('\n').length).toBeLessThanOrEqual(220);
  });

  test.each(paths.filter((path) => /(^|\/)index\.ts$/.test(path)))('%s names each of its exports', (path) => {
    const source = ts.createSourceFile(path, readFileSync(`${LIB}/${path}`, 'utf8'), ts.ScriptTarget.Latest);
    const named = source.statements.map(
      (statement) =>
        ts.isExportDeclaration(statement) &&
        statement.moduleSpecifier !== undefined &&
        statement.exportClause !== undefined &&
        ts.isNamedExports(statement.exportClause),
    );
    expect(named).not.toHaveLength(0);
    expect(named).not.toContain(false);
  });

  test('index.ts and its neighbours for the other entry points are the only ones', () => {
    const entries = [
      'introspection',
      'mcp',
      'microservices',
      'opentelemetry',
      'platform-socket.io',
      'platform-ws',
      'redis',
      'security-events',
      'swagger',
      'testing',
    ];
    const known = new Set(['index.ts', ...entries.map((entry) => `${entry}/index.ts`)]);
    expect(paths.filter((path) => path.endsWith('index.ts') && !known.has(path))).toStrictEqual([]);
  });
});
