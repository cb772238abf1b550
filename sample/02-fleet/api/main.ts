import { startApi } from './api.js';

const { ORIGIN: origin, ISSUER: issuer, REDIS_URL: redis } = process.env;
if (origin === undefined || issuer === undefined || redis === undefined) {
  throw new Error('ORIGIN, ISSUER and REDIS_URL must be set: start the fleet by `npm run demo:fleet`');
}

// Ctrl-C reaches the whole group of processes; when this one ends is for its parent to say.
process.on('SIGINT', () => {});

// However the parent ends, it takes this process along; also while the imports above were being loaded.
let end = (): void => process.exit();
process.once('disconnect', () => end());
if (!process.connected) end();

const instance = await startApi({ origin, issuer, redis });
end = () => void instance.close().finally(() => process.exit());
process.send?.({ url: instance.url });
