import { parseArgs } from 'node:util';
import { isRedisInstalled } from '../02-fleet/redis-process.js';
import { openStage } from './stage.js';

const { values } = parseArgs({ options: { redis: { type: 'boolean', default: false } } });
if (values.redis && !isRedisInstalled()) {
  console.error('There is no redis-server: install it, or start the bank without --redis.');
  process.exit(1);
}
const stage = await openStage({ port: 3000, withRedis: values.redis });
console.log(`The bank is open${values.redis ? ', with three instances that share one Redis' : ''}.

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
