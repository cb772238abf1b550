import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { formatLlmsFullTxt, formatLlmsTxt } from '../docs/.vitepress/llms.js';
import { PROJECT_PAGES, SECTIONS, summaryOf } from '../docs/.vitepress/pages.js';
import { REFUSALS, STATUS_OF_CODE } from '../lib/errors/catalogue.js';
import { checkSnippets } from './documents/compilation.js';
import {
  DOCUMENTS,
  findBrokenLinks,
  PAGES,
  readAnchors,
  readNames,
  readProse,
  readRow,
  readRows,
} from './documents/markdown.js';
import {
  readDocument,
  readExampleSnippets,
  readInterface,
  readMarkdownSnippets,
  readStringUnion,
  ROOT,
  type Snippet,
} from './documents/snippets.js';
import { findDamage } from './documents/structure.js';
import { idsAtEnd, idsElsewhere, readTestNames } from './documents/test-names.js';

const snippets = [...DOCUMENTS.flatMap(readMarkdownSnippets), ...readExampleSnippets()];

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
    expect(diagnostics.get(snippet)).toStrictEqual([]);
  });

  test('in the documents and in the examples of module, guard, decorators, verifier and testing', () => {
    const documents = new Set(snippets.map(({ document }) => document));
    expect([...documents]).toEqual(
      expect.arrayContaining([
        'README.md',
        'docs/getting-started.md',
        'docs/testing.md',
        'lib/module/dpop.module.ts',
        'lib/guard/dpop.guard.ts',
        'lib/verification/dpop.verifier.ts',
        'lib/guard/dpop-bound.decorator.ts',
        'lib/guard/policy.decorators.ts',
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
  const OPTIONS = 'docs/options.md';
  const STORAGES = 'docs/replay-and-redis.md';
  const INTROSPECTION = 'docs/introspection.md';
  const SERVERS = 'docs/authorization-servers.md';
  const TELEMETRY = 'docs/telemetry.md';
  const interfaces = [
    [OPTIONS, 'lib/config/dpop-options.ts', 'DpopModuleOptions', ''],
    [OPTIONS, 'lib/config/dpop-options.ts', 'ProofOptions', 'proof.'],
    [OPTIONS, 'lib/config/dpop-options.ts', 'NonceOptions', 'nonce.'],
    [OPTIONS, 'lib/config/dpop-options.ts', 'TicketOptions', 'tickets.'],
    [OPTIONS, 'lib/config/dpop-options.ts', 'MetadataOptions', 'metadata.'],
    [OPTIONS, 'lib/config/dpop-options.ts', 'CacheOptions', 'cache.'],
    [OPTIONS, 'lib/issuer/jwt-access-token-options.ts', 'JwtAccessTokenOptions', ''],
    [OPTIONS, 'lib/issuer/issuer-resolution.ts', 'IssuerResolutionOptions', ''],
    [INTROSPECTION, 'lib/introspection/introspection-options.ts', 'IntrospectionOptions', ''],
    [SERVERS, 'lib/config/authorization-server-options.ts', 'DpopAuthorizationServerOptions', ''],
    [STORAGES, 'lib/storage/memory-replay.store.ts', 'MemoryReplayStoreOptions', ''],
    [STORAGES, 'lib/redis/redis.storage.ts', 'RedisStorageOptions', ''],
    [TELEMETRY, 'lib/opentelemetry/dpop-telemetry.ts', 'DpopTelemetryOptions', ''],
  ] as const;
  /** Objects whose members have the rows. */
  const inParts = new Set(['proof', 'metadata', 'cache']);
  const options = interfaces.flatMap(([page, source, name, prefix]) =>
    readInterface(source, name)
      .filter((member) => !inParts.has(member.name))
      .map((member) => ({ page, option: prefix + member.name, defaultValue: member.defaultValue })),
  );

  test.each(options)('$option in $page', ({ page, option, defaultValue = '' }) => {
    expect(readRow(page, option).join(' ')).toContain(defaultValue);
  });

  test.each([OPTIONS, STORAGES, INTROSPECTION, TELEMETRY])(
    'and no row of %s speaks of an option that does not exist',
    (page) => {
      const known = options.filter((option) => option.page === page).map(({ option }) => option);
      const rows = readNames(page, 'option');
      expect(rows.length).toBeGreaterThanOrEqual(known.length);
      expect(known).toEqual(expect.arrayContaining([...rows]));
    },
  );
});

describe('every part of the verdict, and of a decision, has a row', () => {
  test.each([
    ['docs/reading-the-verdict.md', 'key', 'lib/verification/verdict.ts', 'DpopVerdict'],
    ['docs/telemetry.md', 'field', 'lib/telemetry/decisions.ts', 'DpopDecision'],
  ])('%s', (page, head, source, name) => {
    const inherited =
      name === 'DpopVerdict' ? readInterface('lib/claims/token-rights.ts', 'TokenRights') : [];
    const members = [...readInterface(source, name), ...inherited].map((member) => member.name);
    expect([...readNames(page, head)].toSorted()).toEqual(members.toSorted());
  });
});

describe('errors', () => {
  const PAGE = 'docs/errors.md';
  const codes = readStringUnion('lib/errors/catalogue.ts', 'DpopErrorCode');
  const failures = readStringUnion('lib/errors/catalogue.ts', 'UnavailableReason');

  test.each(codes)('the code %s has a row with its status', (code) => {
    expect(readRow(PAGE, code, 'code')[1]).toBe(String(STATUS_OF_CODE[code as keyof typeof STATUS_OF_CODE]));
  });

  test.each(Object.entries(REFUSALS))('the reason %s has a row (D5)', (reason, [code, sentence]) => {
    expect(readRow(PAGE, reason, 'reason')).toEqual([`\`${reason}\``, `\`${code}\``, sentence]);
  });

  test.each(failures)('the failure %s has a row (D8)', (reason) => {
    expect(readRow(PAGE, reason, 'reason')).toHaveLength(2);
  });

  test('and no row speaks of one that does not exist', () => {
    expect([...readNames(PAGE, 'code')]).toEqual(codes);
    expect([...readNames(PAGE, 'reason')]).toEqual([...Object.keys(REFUSALS), ...failures]);
  });

  test('troubleshooting has a heading for each reason of a refusal, and a row for each failure', () => {
    const headings = [...readProse('docs/troubleshooting.md').matchAll(/^### (.*)$/gm)];
    const explained = headings.flatMap(([, heading = '']) => heading.split(', '));
    expect(explained.toSorted()).toEqual(Object.keys(REFUSALS).toSorted());
    expect([...readNames('docs/troubleshooting.md', 'reason')].toSorted()).toEqual(failures.toSorted());
  });
});

describe('links', () => {
  test.each(DOCUMENTS)('of %s lead somewhere', (document) => {
    expect(findBrokenLinks(document)).toStrictEqual([]);
  });

  test('no two headings of a page have the same anchor', () => {
    const repeated = PAGES.filter((page) => new Set(readAnchors(page)).size < readAnchors(page).length);
    expect(repeated).toStrictEqual([]);
  });
});

describe('every page is whole', () => {
  test.each(DOCUMENTS)('%s', (document) => {
    expect(findDamage(readDocument(document))).toStrictEqual([]);
  });

  const whole = ['| a   | b   |', '| --- | --- |', '| 1   | 2   |', '', '```ts', 'export class A {}', '```'];

  test.each([
    ['a fence without an end', 5, whole.slice(0, -1)],
    ['a fence within a fence', 6, whole.with(5, '```ts')],
    ['a table without a separator or without rows', 1, whole.toSpliced(1, 1)],
    ['a table without a separator or without rows', 1, whole.toSpliced(2, 1)],
    ['a row that has not 2 columns', 3, whole.with(2, '| 1 |')],
    ['a row that has not 2 columns', 2, whole.with(1, '| --- |')],
    ['code outside of a fence', 4, whole.with(3, "import { A } from 'a';")],
    ['code outside of a fence', 4, whole.with(3, 'export class A {')],
    ['code outside of a fence', 4, whole.with(3, '@Injectable()')],
    ['code outside of a fence', 4, whole.with(3, '}')],
  ])('%s is found in line %i', (what, line, lines) => {
    expect(findDamage(whole.join('\n'))).toStrictEqual([]);
    expect(findDamage(lines.join('\n'))).toEqual([{ line, what }]);
  });

  test('a bar that is escaped separates no columns', () => {
    expect(findDamage(whole.with(2, String.raw`| 1 \| 2 | 3 |`).join('\n'))).toStrictEqual([]);
  });
});

describe('README.md', () => {
  const readme = readDocument('README.md');

  test('has at most 250 lines', () => {
    expect(readme.split('\n').length).toBeLessThanOrEqual(250);
  });

  test('has the two commands of a checkout', () => {
    expect(readme).toContain('npm ci && npm run demo\nnpm ci && npm test\n');
  });

  test('leads to every page, directly or by the index', () => {
    const index = readDocument('docs/README.md');
    const pages = PAGES.filter((page) => page !== 'docs/README.md');
    expect(pages.filter((page) => !index.includes(`](${page.replace('docs/', '')})`))).toStrictEqual([]);
    expect(readme).toContain('](docs/README.md)');
  });
});

describe('voice', () => {
  /** Words that style asks to replace: a vague actor, old English, or a name of this project's own making. */
  const AVOIDED =
    /\b(?:whoever|whomever|nobody|lest|of ours|as (?:it|they) must|in good order|replay memory|keys? turns?|looks? upon)\b/i;

  test.each(DOCUMENTS)('of %s', (document) => {
    const found = readDocument(document)
      .split('\n')
      .map((text, at) => ({ line: at + 1, text }))
      .filter(({ text }) => AVOIDED.test(text));
    expect(found).toStrictEqual([]);
  });
});

describe('the names of tests', () => {
  const rows = readRows('docs/requirements.md')
    .map(([id = '']) => id)
    .filter((id) => /^[A-K]\d*o?$/.test(id));
  const { names, idsInTables } = readTestNames(['lib', 'test']);

  test('end with ids that have one row each in docs/requirements.md', () => {
    expect(new Set(rows).size).toBe(rows.length);
    const cited = names.flatMap(({ text }) => idsAtEnd(text));
    expect(cited.length).toBeGreaterThan(150);
    expect(idsInTables.length).toBeGreaterThan(150);
    expect(rows).toEqual(expect.arrayContaining([...cited, ...idsInTables]));
  });

  test('have no id at another place', () => {
    expect(names.filter(({ text }) => idsElsewhere(text).length > 0)).toStrictEqual([]);
  });

  test.each([
    ['refuses a proof whose jwk is private (C7)', ['C7'], []],
    ['refuses a proof of %s (C9o, D2)', ['C9o', 'D2'], []],
    ['%s is ES256, of a P-256 key', [], []],
    ['C7 refuses a proof', [], ['C7']],
    ['F6: refuses a proof (C7)', ['C7'], ['F6']],
    ['refuses a proof, and F1 a replay', [], ['F1']],
    ['refuses (C7) a proof', [], ['C7']],
    ['refuses a proof (C7 D2)', [], ['C7', 'D2']],
  ])('are read: %j', (name, atEnd, elsewhere) => {
    expect(idsAtEnd(name)).toEqual(atEnd);
    expect(idsElsewhere(name)).toEqual(elsewhere);
  });
});

describe('the site', () => {
  const listed = SECTIONS.flatMap(({ pages }) => pages.map((page) => `docs/${page}.md`));

  test('has each page once', () => {
    expect(listed.toSorted()).toEqual(PAGES.filter((page) => page !== 'docs/README.md'));
  });

  test('has each page in the section of docs/README.md that has it', () => {
    const index = readDocument('docs/README.md');
    const sections = [...index.matchAll(/^## (.*)\n\n((?:- .*\n(?: .*\n)*)+)/gm)].map(
      ([, title, list = '']) => ({
        title,
        pages: [...list.matchAll(/\]\(([\w-]+)\.md\)/g)].map(([, page]) => page),
      }),
    );
    expect(sections).toEqual(SECTIONS);
  });

  test('lists all pages for language models, each with its first paragraph', () => {
    const text = formatLlmsTxt(readDocument);
    for (const document of [...listed, ...PROJECT_PAGES]) {
      const { title, description } = summaryOf(readDocument(document));
      expect(title).not.toBe('');
      if (document !== 'README.md') expect(text).toContain(`[${title}](`);
      if (listed.includes(document)) expect(text).toContain(`: ${description}`);
      expect(description).not.toMatch(/^(?:sh|ts|js) /);
    }
    expect(formatLlmsFullTxt(readDocument)).toContain('# Troubleshooting');
  });

  test('has pictures that say in words what they show, readable in light and dark', () => {
    for (const picture of ['attack.svg', 'request.svg']) {
      const svg = readFileSync(join(ROOT, 'docs/images', picture), 'utf8');
      expect(svg).toMatch(/<title id="t">[^<]{80,}<\/title>/);
      expect(svg).toContain('prefers-color-scheme: dark');
      expect(svg.length).toBeLessThan(10_000);
    }
  });
});
