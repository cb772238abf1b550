import { startApi } from './api.js';

const { ORIGIN: origin, ISSUER: issuer, REDIS_URL: redis } = process.env;
if (origin === undefined || issuer === undefined || redis === undefined) {
  throw new Error('ORIGIN, ISSUER and REDIS_URL must be set: start the fleet by `npm run demo:fleet`');
}

// Ctrl-C reaches all processes of the group. The parent decides when this process ends.
process.on('SIGINT', () => {});

// This process ends with its parent, even if the parent ended while the imports were loading.
let end = (): void => process.exit();
process.once('disconnect', () => end());
if (!process.connected) end();

const instance = await startApi({ origin, issuer, redis });
end = () => void instance.close().finally(() => process.exit());
process.send?.({ url: instance.url });
