'use strict';

/**
 * A test of the app module with an issuer of its own: only a client that holds the key of its token gets in. It runs with
 * Vitest and with Jest.
 *
 * @param {{ moduleImport: string, path: string }} options
 */
function createTestFile({ moduleImport, path }) {
  return `import { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { AppModule } from '${moduleImport}';

describe('DPoP (e2e)', () => {
  let app: INestApplication;
  let issuer: TestIssuer;
  let url: string;

  beforeAll(async () => {
    issuer = await TestIssuer.create();
    const testing = await Test.createTestingModule({ imports: [AppModule] })
      // The options of DpopModule.forRoot: this issuer, and the free port that the test listens on.
      .overrideProvider('DPOP_MODULE_OPTIONS')
      .useValue({ origin: 'request', accessToken: issuer.accessToken })
      .compile();
    app = testing.createNestApplication();
    await app.listen(0, '127.0.0.1');
    url = \`\${await app.getUrl()}${path}\`;
  });

  afterAll(async () => {
    await app.close();
  });

  it('refuses a request without credentials', async () => {
    const response = await fetch(url);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/^DPoP /);
  });

  it('lets the client in that holds the key of its token', async () => {
    const client = await TestClient.create();
    const token = await issuer.issueToken({ client });
    const response = await client.fetch(url, { token });
    expect(response.status).toBe(200);
  });

  it('refuses a thief who has the token and not its key', async () => {
    const client = await TestClient.create();
    const thief = await TestClient.create();
    const token = await issuer.issueToken({ client });
    const response = await thief.fetch(url, { token });
    expect(response.status).toBe(401);
  });
});
`;
}

module.exports = { createTestFile };
