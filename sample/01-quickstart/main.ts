import { ConsoleLogger } from '@nestjs/common';
import { openStage } from './stage.js';

const { PORT = '3000', ISSUER_PORT = '3001' } = process.env;
const stage = await openStage({
  ports: { api: Number(PORT), issuer: Number(ISSUER_PORT) },
  logger: new ConsoleLogger({ colors: process.stdout.isTTY }),
});

let isClosing = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The process receives the signal twice: from the terminal, and from `nest start`.
    if (isClosing) return;
    isClosing = true;
    void stage.close();
  });
}

const call = (target: string): string => `  npm run call -- ${target} ${stage.api} ${stage.issuer}`;

console.log(`
  API                   ${stage.api}
  authorization server  ${stage.issuer}

A public route:

  curl -i ${stage.api}/health

A protected route, which answers curl with 401 and a challenge:

  curl -i ${stage.api}/accounts

curl cannot sign proofs. These commands request a token from the authorization
server and call the API with a proof. Run them in a second terminal:

${call('GET /accounts')}
${call('GET /statements')}
${call('POST /transfers')}
${call('DELETE /accounts/1')}

Ctrl+C ends both servers. docs/getting-started.md shows how to protect your
own API.
`);
