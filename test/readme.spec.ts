import { beforeAll, describe, expect, test } from '@jest/globals';
import { REFUSALS, STATUS_OF_CODE } from '../lib/errors/catalogue.js';
import {
  checkSnippets,
  readDocument,
  readExampleSnippets,
  readInterface,
  readMarkdownSnippets,
  readStringUnion,
  type Snippet,
} from './readme/snippets.js';

const readme = readDocument('README.md');
const snippets = [...readMarkdownSnippets('README.md'), ...readExampleSnippets()];

/** Rows of all tables: their cells, without the blanks around them. */
const rows = readme
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );

/** The first cells of all tables whose head begins with this word. */
function namesInTables(head: string): string[] {
  const names: string[] = [];
  let inside = false;
  for (const [first = ''] of rows) {
    const isName = first.startsWith('`');
    if (!isName && !first.startsWith('-')) inside = first.startsWith(head);
    else if (isName && inside) names.push(first);
  }
  return names;
}

function rowOf(name: string): readonly string[] {
  const found = rows.filter(([first]) => first === `\`${name}\``);
  if (found.length === 0) throw new Error(`README.md has no row for ${name}`);
  return found.flat();
}

describe('every snippet compiles', () => {
  const wrong: Snippet = {
    document: 'README.md',
    line: 7,
    place: 'README.md:7',
    code: "import { DpopModule } from 'nestjs-dpop';\n  DpopModule.forRoot({ orign: '' });\nexport {};\n",
  };
  let diagnostics: ReadonlyMap<Snippet, readonly string[]>;
  beforeAll(() => {
    diagnostics = checkSnippets([...snippets, wrong]);
  }, 120_000);

  test.each(snippets)('$place', (snippet) => {
    expect(diagnostics.get(snippet)).toEqual([]);
  });

  test('in README.md and in the examples of module, guard, decorators, verifier and testing', () => {
    const documents = new Set(snippets.map(({ document }) => document));
    expect([...documents]).toEqual(
      expect.arrayContaining([
        'README.md',
        'lib/dpop.module.ts',
        'lib/dpop.guard.ts',
        'lib/dpop.verifier.ts',
        'lib/decorators/dpop-bound.decorator.ts',
        'lib/decorators/policy.decorators.ts',
        'lib/testing/test-client.ts',
        'lib/testing/test-issuer.ts',
      ]),
    );
  });

  test('and one that does not is named with its line', () => {
    expect(diagnostics.get(wrong)).toEqual([expect.stringMatching(/^README\.md:8:\d+ .*orign/s)]);
  });
});

describe('every option has a row that tells its default', () => {
  const interfaces = [
    ['lib/dpop.options.ts', 'DpopModuleOptions', ''],
    ['lib/dpop.options.ts', 'ProofOptions', 'proof.'],
    ['lib/dpop.options.ts', 'NonceOptions', 'nonce.'],
    ['lib/dpop.options.ts', 'CacheOptions', 'cache.'],
    ['lib/access-token/jwt-access-token.options.ts', 'JwtAccessTokenOptions', ''],
    ['lib/replay/memory-replay.store.ts', 'MemoryReplayStoreOptions', ''],
    ['lib/redis/redis.storage.ts', 'RedisStorageOptions', ''],
  ] as const;
  const inParts = new Set(['proof', 'metadata', 'cache']);
  const options = interfaces.flatMap(([document, name, prefix]) =>
    readInterface(document, name)
      .filter((member) => !inParts.has(member.name))
      .map((member) => ({ option: prefix + member.name, defaultValue: member.defaultValue })),
  );

  options.push({ option: 'metadata.url', defaultValue: undefined });

  test.each(options)('$option', ({ option, defaultValue = '' }) => {
    expect(rowOf(option).join(' ')).toContain(defaultValue);
  });

  test('and no row speaks of an option that is not there', () => {
    const known = options.map(({ option }) => `\`${option}\``);
    const parts = [...inParts].map((part) => `\`${part}\``);
    const told = namesInTables('option');
    expect(told.length).toBeGreaterThanOrEqual(new Set(known).size);
    expect([...known, ...parts]).toEqual(expect.arrayContaining(told));
  });
});

describe('the parts of the verdict', () => {
  test.each(readInterface('lib/dpop.verdict.ts', 'DpopVerdict'))('$name', ({ name }) => {
    expect(rowOf(name)).toBeDefined();
  });
});

describe('D9 the members of a decision', () => {
  test.each(readInterface('lib/telemetry/decisions.ts', 'DpopDecision'))('$name', ({ name }) => {
    expect(namesInTables('member')).toContain(`\`${name}\``);
  });
});

describe('every error code has a row with its status', () => {
  test.each(readStringUnion('lib/errors/catalogue.ts', 'DpopErrorCode'))('%s', (code) => {
    expect(rowOf(code)[1]).toBe(String(STATUS_OF_CODE[code as keyof typeof STATUS_OF_CODE]));
  });
});

describe('D5 every reason has a row with its code and its sentence', () => {
  test.each(Object.entries(REFUSALS))('%s', (reason, [code, sentence]) => {
    expect(rowOf(reason)).toEqual([`\`${reason}\``, `\`${code}\``, sentence]);
  });

  test.each(readStringUnion('lib/errors/catalogue.ts', 'UnavailableReason'))('%s', (reason) => {
    expect(rowOf(reason)).toHaveLength(2);
  });
});

test('links within README.md lead somewhere', () => {
  const anchors = [...readme.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
  const links = [...readme.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
  expect(anchors).toEqual(expect.arrayContaining(links));
});
