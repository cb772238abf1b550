import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { formatLlmsFullTxt, formatLlmsTxt } from './llms.js';
import { PROJECT_PAGES, SECTIONS, slugOf, summaryOf } from './pages.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (document: string) => readFileSync(join(root, document), 'utf8');

/** `docs/README.md` is the index of its folder, on the site as in the repository. */
const toIndex = (path: string) => path.replace(/(^|\/)README\.md/, '$1index.md');

const projectLinks = PROJECT_PAGES.filter((document) => document !== 'README.md').map((document) => ({
  text: summaryOf(read(document)).title,
  link: `/${toIndex(document).replace(/(index)?\.md$/, '')}`,
}));

export default defineConfig({
  title: 'nestjs-dpop',
  description: 'DPoP (RFC 9449) for NestJS: a guard that makes a stolen access token worthless',
  lang: 'en',
  // No icon of its own, and no request for one.
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  srcDir: '..',
  outDir: '../dist-docs',
  srcExclude: ['{node_modules,dist,dist-*,coverage,lib,test,bench}/**', '.*/**'],
  rewrites: toIndex,
  transformPageData(page) {
    if (page.filePath.endsWith('.md')) page.description ||= summaryOf(read(page.filePath)).description;
  },
  markdown: {
    anchor: { slugify: slugOf },
    theme: { light: 'github-light', dark: 'github-dark' },
    config(md) {
      // Links name files of the repository; the site has index pages in their place.
      md.core.ruler.push('readme-links', ({ tokens }) => {
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          const href = token.type === 'link_open' ? token.attrGet('href') : null;
          if (href !== null && !/^[a-z]+:/.test(href)) token.attrSet('href', toIndex(href));
        }
      });
    },
  },
  themeConfig: {
    nav: [
      { text: 'Getting started', link: '/docs/getting-started' },
      { text: 'Troubleshooting', link: '/docs/troubleshooting' },
      { text: 'Options', link: '/docs/options' },
      { text: 'API', link: '/api/index.html', target: '_self' },
    ],
    sidebar: [
      { text: 'Overview', link: '/' },
      ...SECTIONS.map(({ title, pages }) => ({
        text: title,
        items: pages.map((page) => ({
          text: summaryOf(read(`docs/${page}.md`)).title,
          link: `/docs/${page}`,
        })),
      })),
      {
        text: 'Project',
        collapsed: true,
        items: [
          { text: 'All pages', link: '/docs/' },
          { text: 'API reference', link: '/api/index.html', target: '_self' },
          ...projectLinks,
        ],
      },
    ],
    outline: [2, 3],
    search: { provider: 'local' },
  },
  buildEnd({ outDir }) {
    writeFileSync(join(outDir, 'llms.txt'), formatLlmsTxt(read));
    writeFileSync(join(outDir, 'llms-full.txt'), formatLlmsFullTxt(read));
  },
});
