import { ConsoleLogger } from '@nestjs/common';
import { openStage } from './stage.js';

const { PORT = '3000' } = process.env;
const stage = await openStage({
  port: Number(PORT),
  logger: new ConsoleLogger({ logLevels: ['warn', 'error'] }),
});
console.log(`Open ${stage.ws} in a browser. Ctrl+C ends the servers.`);
process.once('SIGINT', () => void stage.close());
