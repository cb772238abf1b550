/** The pages of the site in the order of the sidebar. `docs/README.md` lists the same ones; a test compares them. */
export const SECTIONS = [
  {
    title: 'Start',
    pages: [
      'getting-started',
      'options',
      'identity-providers',
      'tenants',
      'command-line',
      'local-development',
      'testing',
      'migrating-from-bearer',
      'report-mode',
    ],
  },
  {
    title: 'Routes',
    pages: [
      'route-policies',
      'reading-the-verdict',
      'introspection',
      'custom-tokens',
      'graphql-and-other-transports',
      'sockets',
      'tickets',
      'mcp',
      'messages',
      'other-packages',
      'browsers-and-openapi',
      'clients',
      'authorization-servers',
    ],
  },
  {
    title: 'Operation',
    pages: [
      'proxies-and-origins',
      'metadata',
      'nonces',
      'replay-and-redis',
      'revocation',
      'security-events',
      'telemetry',
      'troubleshooting',
      'errors',
    ],
  },
  {
    title: 'Background',
    pages: ['security-model', 'limitations', 'performance', 'requirements', 'architecture'],
  },
] as const;

/** Documents outside `docs/` that the site shows as well. */
export const PROJECT_PAGES = [
  'README.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'sample/README.md',
  'sample/01-quickstart/README.md',
  'sample/02-fleet/README.md',
  'sample/03-keycloak/README.md',
  'sample/04-mcp/README.md',
  'sample/05-sockets/README.md',
  'sample/06-authorization-server/README.md',
  'sample/07-bank/README.md',
] as const;

/** The anchor of a heading, as repository hosts compute it, so that one link serves both them and the site. */
export function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}

/** Title and first paragraph of a page, without Markdown. */
export function summaryOf(markdown: string): { readonly title: string; readonly description: string } {
  const [, title = ''] = /^# (.*)$/m.exec(markdown) ?? [];
  const paragraph = markdown.split(/\n{2,}/).find((block) => /^(?!```)[\w`*[]/.test(block)) ?? '';
  const description = paragraph
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[`*]/g, '')
    .replace(/\s+/g, ' ')
    .trim();
  return { title, description };
}
