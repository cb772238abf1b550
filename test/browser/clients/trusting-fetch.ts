import { request } from 'node:https';
import type { Fetch } from 'nestjs-dpop';
import type { SelfSignedCertificate } from '../../support/self-signed-certificate.js';

/** A `fetch` for documents on loopback, whatever the host is called, which trusts this certificate. */
export function trustingFetch({ cert }: SelfSignedCertificate): Fetch {
  return async (url, { signal, headers }) =>
    await new Promise<Response>((resolve, reject) => {
      const { host, port, pathname: path } = new URL(url);
      const options = {
        host: '127.0.0.1',
        servername: 'localhost',
        port,
        path,
        ca: cert,
        agent: false,
        headers: { ...Object.fromEntries(new Headers(headers)), host },
        ...(signal && { signal }),
      };
      request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject).once('end', () => {
          const { statusCode: status = 0, headers: received } = response;
          const type = received['content-type'] ?? '';
          resolve(new Response(Buffer.concat(chunks), { status, headers: { 'Content-Type': type } }));
        });
      })
        .once('error', reject)
        .end();
    });
}
