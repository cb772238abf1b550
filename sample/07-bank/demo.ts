import { openStage } from './stage.js';

const stage = await openStage({ port: 3000 });
console.log(`The bank is open.

  Open this page:  ${stage.page}

  page                 ${stage.page}
  bank                 ${stage.api}
  bank without DPoP    ${stage.plainApi}
  authorization server ${stage.issuer}

Ctrl+C ends it.`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void stage.close().then(() => process.exit(0));
  });
}
