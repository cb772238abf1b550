import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate for loopback that is its own authority. */
export class Certificate {
  private constructor(private readonly directory: string) {}

  /** @returns undefined where there is no openssl, or no redis-server that speaks TLS, and says so */
  static create(): Certificate | undefined {
    const certificate = new Certificate(mkdtempSync(join(tmpdir(), 'dpop-tls-')));
    const { certificateFile, keyFile } = certificate;
    const names = 'subjectAltName=IP:127.0.0.1,DNS:localhost';
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
    const subject = ['-subj', '/CN=localhost', '-addext', names, '-days', '2', '-out', certificateFile];
    const made = spawnSync('openssl', ['req', '-x509', ...key, ...subject]);
    // It complains of the first word that it does not know.
    const tls = spawnSync('redis-server', ['--tls-port', '0', '--no-such-word', '0']);
    if (made.status === 0 && !`${String(tls.stdout)}${String(tls.stderr)}`.includes("'tls-port"))
      return certificate;
    process.stderr.write('SKIPPED: tests of TLS need openssl, and a redis-server that was built with TLS\n');
    certificate.close();
    return undefined;
  }

  get certificateFile(): string {
    return join(this.directory, 'certificate.pem');
  }

  get keyFile(): string {
    return join(this.directory, 'key.pem');
  }

  get certificate(): Buffer {
    return readFileSync(this.certificateFile);
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
