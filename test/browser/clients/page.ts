import { join } from 'node:path';
import { buildSync } from 'esbuild';
import type { Running } from '../../../sample/01-quickstart/running.js';
import type { SelfSignedCertificate } from '../../support/self-signed-certificate.js';
import { serveHttps } from './https-server.js';
import { DID, didDocument } from './identity.js';
import { metadataDocument } from './registered-clients.js';

const SCRIPTS = join(process.cwd(), 'test/browser/clients/scripts');
const PAGE = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Test bed</title><body>';

/** Bundles the script of each library with the library as it is installed, by its name without the scope. */
export function bundleScripts(names: readonly string[]): ReadonlyMap<string, string> {
  const { outputFiles } = buildSync({
    entryPoints: names.map((name) => join(SCRIPTS, `${name}.js`)),
    outdir: SCRIPTS,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    logLevel: 'error',
  });
  return new Map(outputFiles.map(({ path, text }) => [path.slice(SCRIPTS.length), text]));
}

export interface PageOptions {
  readonly port: number;
  readonly certificate: SelfSignedCertificate;
  readonly page: string;
  readonly api: string;
  readonly scripts: ReadonlyMap<string, string>;
}

/** An empty page, the scripts, and two documents for atproto: the metadata of the client, and the identity of the user. */
export async function startPage({ port, certificate, page, api, scripts }: PageOptions): Promise<Running> {
  const documents = new Map([
    ['/client-metadata.json', metadataDocument(page)],
    [`/${encodeURIComponent(DID)}`, didDocument(api)],
  ]);
  return await serveHttps(port, certificate, ({ url = '/' }, response) => {
    const [path = ''] = url.split('?');
    const [document, script] = [documents.get(path), scripts.get(path)];
    if (document !== undefined) {
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(document));
    } else if (script !== undefined) {
      response.setHeader('Content-Type', 'text/javascript; charset=utf-8').end(script);
    } else if (path === '/') response.setHeader('Content-Type', 'text/html; charset=utf-8').end(PAGE);
    else response.writeHead(404).end();
  });
}
