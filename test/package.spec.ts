import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readDocument, ROOT } from './documents/snippets.js';

interface Manifest {
  readonly type: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly typesVersions: unknown;
  readonly files: readonly string[];
  readonly engines: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, unknown>>;
  readonly version: string;
}

const manifest = JSON.parse(readDocument('package.json')) as Manifest;

/** The entry points that the sources have: `lib/index.ts` and `lib/<subpath>/index.ts`. */
const entries = ['.', ...readdirSync(join(ROOT, 'lib')).map((name) => `./${name}`)].filter((entry) =>
  existsSync(join(ROOT, 'lib', entry, 'index.ts')),
);

const builtAs = (entry: string, extension: string) =>
  `./${join('dist', entry, `index${extension}`)}`.replaceAll('\\', '/');

describe('what the package exports', () => {
  test('is an entry for each index of lib, and its own manifest', () => {
    const expected = entries.map((entry) => [
      entry,
      { types: builtAs(entry, '.d.ts'), default: builtAs(entry, '.js') },
    ]);
    expect(manifest.exports).toEqual({
      ...Object.fromEntries(expected),
      './jest-preset': './jest-preset.json',
      './package.json': './package.json',
    });
  });

  test('is found by tools that know no exports, too', () => {
    const subpaths = entries.filter((entry) => entry !== '.');
    expect(manifest).toMatchObject({ main: builtAs('.', '.js'), types: builtAs('.', '.d.ts') });
    expect(manifest.typesVersions).toEqual({
      '*': Object.fromEntries(subpaths.map((entry) => [entry.slice(2), [builtAs(entry, '.d.ts')]])),
    });
  });

  test('is found by its name in this repository too', () => {
    const { compilerOptions } = JSON.parse(readDocument('tsconfig.json')) as {
      compilerOptions: { paths: Record<string, readonly string[]> };
    };
    const expected = entries.map((entry) => [
      join('nestjs-dpop', entry).replace(/\/$/, ''),
      [`./${join('lib', entry, 'index.ts')}`],
    ]);
    expect(compilerOptions.paths).toEqual(Object.fromEntries(expected));
  });

  test('is ESM', () => {
    expect(manifest.type).toBe('module');
  });
});

test('only the build, the schematic, the preset and the documents are published', () => {
  const published = ['CHANGELOG.md', 'SECURITY.md', 'dist', 'jest-preset.json', 'schematics'];
  expect([...manifest.files].toSorted()).toEqual(published);
  expect(existsSync(join(ROOT, 'LICENSE'))).toBe(true);
});

test('nothing of ours runs on the machine of whoever installs it', () => {
  const atInstall = /^(pre|post)?(install|prepare|prepublish)$/;
  expect(Object.keys(manifest.scripts).filter((name) => atInstall.test(name))).toStrictEqual([]);
  expect(existsSync(join(ROOT, 'binding.gyp'))).toBe(false);
});

test('it depends on jose and passport-custom alone; all else is that of the app', () => {
  expect(Object.keys(manifest.dependencies).toSorted()).toEqual(['jose', 'passport-custom']);
  expect(manifest.peerDependencies).toMatchObject({
    '@nestjs/common': '^11.0.0 || ^12.0.0',
    '@nestjs/core': '^11.0.0 || ^12.0.0',
    '@nestjs/passport': '^11.0.0 || ^12.0.0',
    ioredis: '^5.9.0 || ^6.0.0',
    oauth4webapi: '^3.0.0',
    passport: '^0.7.0',
  });
  const needed = new Set(['@nestjs/common', '@nestjs/core', '@nestjs/passport', 'passport']);
  const optional = Object.keys(manifest.peerDependencies).filter((name) => !needed.has(name));
  expect(manifest.peerDependenciesMeta).toEqual(
    Object.fromEntries(optional.map((name) => [name, { optional: true }])),
  );
  expect(manifest.engines).toEqual({ node: '^20.19.0 || ^22.12.0 || >=24.0.0' });
});

test('the changelog knows the version', () => {
  expect(readDocument('CHANGELOG.md')).toContain(`## ${manifest.version}`);
});
