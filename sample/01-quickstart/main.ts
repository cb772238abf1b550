import { ConsoleLogger } from '@nestjs/common';
import { openStage } from './stage.js';

const { PORT = '3000', ISSUER_PORT = '3001' } = process.env;
const stage = await openStage({
  ports: { api: Number(PORT), issuer: Number(ISSUER_PORT) },
  logger: new ConsoleLogger({ colors: process.stdout.isTTY }),
});

let closing = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // `nest start` passes on what the terminal has already sent to the whole group.
    if (closing) return;
    closing = true;
    void stage.close();
  });
}

const call = (target: string): string => `  npm run call -- ${target} ${stage.api} ${stage.issuer}`;

console.log(`
  API                   ${stage.api}
  authorization server  ${stage.issuer}

Public, for curl as for anyone:

  curl -i ${stage.api}/health

Protected; curl gets a 401 and the challenge:

  curl -i ${stage.api}/accounts

curl cannot sign proofs. This gets a token from the authorization server and calls the API with a proof
(in a second terminal):

${call('GET /accounts')}
${call('GET /statements')}
${call('POST /transfers')}
${call('DELETE /accounts/1')}

Ctrl+C ends both.
`);
