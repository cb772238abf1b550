import { findFreePorts } from '../../../sample/01-quickstart/free-ports.js';
import type { Running } from '../../../sample/01-quickstart/running.js';
import { createCertificate } from '../../support/self-signed-certificate.js';
import { startApi } from './api.js';
import { startAuthorizationServer } from './authorization-server.js';
import { Exchanges } from './exchanges.js';
import { startPage } from './page.js';

/** Three origins over https on loopback, with a certificate of their own. */
export interface TestBed {
  readonly page: string;
  readonly api: string;
  readonly issuer: string;
  readonly exchanges: Exchanges;
  close(): Promise<void>;
}

export interface TestBedOptions {
  /** Whether the authorization server demands nonces. The API demands them on one route in any case. */
  readonly demandsNonces: boolean;
  /** The scripts of the page by their paths. */
  readonly scripts: ReadonlyMap<string, string>;
}

export async function openTestBed({ demandsNonces, scripts }: TestBedOptions): Promise<TestBed> {
  const certificate = createCertificate('localhost');
  const ports = await findFreePorts([0, 0, 0]);
  const [pagePort = 0, apiPort = 0, issuerPort = 0] = ports;
  // atproto takes no names of loopback. The browser finds all names below `test` there.
  const page = `https://page.test:${pagePort}`;
  const api = `https://api.test:${apiPort}`;
  const issuer = `https://issuer.test:${issuerPort}`;
  const exchanges = new Exchanges();
  const running: Running[] = [];
  const close = async () => {
    await Promise.all(running.map((server) => server.close()));
  };
  try {
    const known = { certificate, page, api, issuer, exchanges };
    running.push(await startAuthorizationServer({ ...known, port: issuerPort, demandsNonces }));
    running.push(await startApi({ ...known, port: apiPort }));
    running.push(await startPage({ ...known, port: pagePort, scripts }));
    return { page, api, issuer, exchanges, close };
  } catch (error) {
    await close();
    throw error;
  }
}
