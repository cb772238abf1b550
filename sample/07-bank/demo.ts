import { parseArgs } from 'node:util';
import { isRedisInstalled } from '../02-fleet/redis-process.js';
import { areJavaToolsInstalled, INSTALL_JAVA_TOOLS } from '../03-keycloak/keycloak/java-tools.js';
import { keycloakOfBank } from './keycloak/bank-keycloak.js';
import { ALICE } from './keycloak/realm.js';
import { openStage, type Stage } from './stage.js';

const USAGE = 'Usage: npm run demo:bank -- [--redis] [--keycloak]';
const PREFERRED_PORT = 3000;

const values = readOptions();
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
if (values.redis && !isRedisInstalled()) fail('There is no redis-server: install it, or omit --redis.');
if (values.keycloak && !areJavaToolsInstalled()) {
  fail(`${INSTALL_JAVA_TOOLS}\nOr start the bank without --keycloak.`);
}

const opened: Stage[] = [];
// Keycloak and Redis end with this process, also while they start.
for (const [signal, number] of [
  ['SIGHUP', 1],
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const) {
  process.on(signal, () => {
    const stage = opened.pop();
    // Nothing is open yet, or it closes already: what runs beside this process ends at its exit.
    if (stage === undefined) process.exit(128 + number);
    void stage.close().then(() => process.exit(0));
  });
}

if (values.keycloak) {
  console.log('The first run takes a minute or two: it fetches Keycloak. Later runs take half a minute.');
}
const stage = await openStage({
  port: PREFERRED_PORT,
  withRedis: values.redis,
  ...(values.keycloak && { startIssuer: keycloakOfBank((line) => console.log(line)) }),
}).catch((error: unknown) => fail(`The bank could not open: ${String(error)}`));
opened.push(stage);
const { page, api, plainApi, issuer, product, phone } = stage;
console.log(`
The bank is open${values.redis ? ', with three instances that share one Redis' : ''}.

  Open this page:  ${page}${
    page.endsWith(`:${PREFERRED_PORT}`)
      ? ''
      : `
  The port ${PREFERRED_PORT} is in use.`
  }
${phone === undefined ? '' : describeLogin(phone)}
  page                 ${page}
  bank                 ${api}
  bank without DPoP    ${plainApi}
  authorization server ${issuer} (${product})

Ctrl+C ends it.`);

function readOptions() {
  try {
    return parseArgs({
      options: {
        redis: { type: 'boolean', default: false },
        keycloak: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch {
    return fail(USAGE);
  }
}

function describeLogin(phoneUrl: string): string {
  return `
  Log in as ${ALICE.name}, password ${ALICE.password}
  One-time codes of ${ALICE.name}: ${phoneUrl}
`;
}

function fail(sentence: string): never {
  console.error(sentence);
  process.exit(1);
}
