import { PROJECT_PAGES, SECTIONS, summaryOf } from './pages.js';

/**
 * `llms.txt` (https://llmstxt.org): one line for each page, with its title and its first paragraph.
 *
 * @param read gives the text of a document, by its path in the repository
 */
export function formatLlmsTxt(read: (document: string) => string): string {
  const line = (document: string, url: string) => {
    const { title, description } = summaryOf(read(document));
    return `- [${title}](${url})${description === '' ? '' : `: ${description}`}`;
  };
  const home = summaryOf(read('README.md'));
  const sections = SECTIONS.map(({ title, pages }) =>
    [`## ${title}`, '', ...pages.map((page) => line(`docs/${page}.md`, `/docs/${page}.html`))].join('\n'),
  );
  const project = PROJECT_PAGES.filter((document) => document !== 'README.md').map((document) =>
    line(document, `/${document.replace('README.md', 'index.html').replace(/\.md$/, '.html')}`),
  );
  const intro = [
    `# ${home.title}`,
    '',
    '> A guard for NestJS that makes a stolen access token worthless: DPoP (RFC 9449) for resource servers.',
    '',
    'All pages in one file: [llms-full.txt](/llms-full.txt). API reference: [/api/](/api/index.html).',
  ];
  return `${[intro.join('\n'), ...sections, ['## Project', '', ...project].join('\n')].join('\n\n')}\n`;
}

/** All pages in one text, in the order of the sidebar. */
export function formatLlmsFullTxt(read: (document: string) => string): string {
  const documents = ['README.md', ...SECTIONS.flatMap(({ pages }) => pages.map((page) => `docs/${page}.md`))];
  return `${documents.map((document) => read(document).trim()).join('\n\n---\n\n')}\n`;
}
