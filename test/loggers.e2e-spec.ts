import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { ConsoleLogger } from '@nestjs/common';
import { DpopModule } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { Logger, LoggerModule } from 'nestjs-pino';
import { call, proofFor } from './support/call.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, startApp } from './support/running-app.js';

let issuer: TestIssuer;
let client: TestClient;
let token: string;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client });
});

afterEach(closeApps);

/** `nestjs-pino` keeps the logger of the first app for all apps of a process. */
const written: string[] = [];
const stream = { write: (line: string): void => void written.push(line) };

/** As docs/telemetry.md says it. */
const REDACTED = ['req.headers.authorization', 'req.headers.dpop', 'res.headers["dpop-nonce"]'];

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly context?: string;
  readonly req?: { readonly id: unknown };
}

describe.each(PLATFORMS)('loggers of an app on %s (D6)', (platform) => {
  test('nestjs-pino gets each refusal, with the id of its request, and no secret (D5)', async () => {
    written.length = 0;
    const pino = LoggerModule.forRoot({ pinoHttp: [{ redact: REDACTED }, stream] });
    const dpop = DpopModule.forRoot(withOrigin({ accessToken: issuer.accessToken, nonce: 'required' }));
    const app = await startApp(platform, createRootModule({ dpop, imports: [pino] }), {
      before: (nest) => nest.useLogger(nest.get(Logger)),
    });
    const demand = await call(app, client, { token });
    const proof = await proofFor(client, { token, nonce: demand.nonce ?? '', claims: { iat: 1 } });
    const refused = await call(app, client, { token, proof });
    expect(refused).toMatchObject({ status: 401, code: 'invalid_dpop_proof' });
    await app.close();

    const lines = written.map((line) => JSON.parse(line) as Line);
    const refusal = lines.find(({ context }) => context === 'DpopGuard');
    expect(refusal).toMatchObject({ level: 40, req: { id: expect.anything() as unknown } });
    expect(refusal?.msg).toMatch(/^refused: invalid_dpop_proof \(proof_stale: iat\) on GET \//);
    const text = written.join('');
    expect(text).toContain('[Redacted]');
    for (const secret of [token, proof, demand.nonce ?? '', ...proof.split('.')])
      expect(text).not.toContain(secret);
  });

  test("Nest's ConsoleLogger writes each refusal as one line of JSON", async () => {
    written.length = 0;
    class KeptLogger extends ConsoleLogger {
      protected override printAsJson(...[message, options]: Parameters<ConsoleLogger['printAsJson']>): void {
        written.push(JSON.stringify(this.getJsonLogObject(message, options)));
      }
    }
    const dpop = DpopModule.forRoot(withOrigin({ accessToken: issuer.accessToken }));
    const app = await startApp(platform, createRootModule({ dpop }), {
      logger: new KeptLogger({ json: true }),
    });
    const proof = await proofFor(client, { token, claims: { iat: 1 } });
    await call(app, client, { token, proof });
    await app.close();
    const lines = written.map((line) => JSON.parse(line) as Record<string, unknown>);
    const refusal = lines.find(({ context }) => context === 'DpopGuard');
    expect(refusal).toMatchObject({
      level: 'warn',
      message: expect.stringMatching(/^refused: invalid_dpop_proof \(proof_stale: iat\)/) as unknown,
    });
    for (const secret of [token, proof]) expect(written.join('')).not.toContain(secret);
  });
});
