export type { RedisClusterSource, RedisSource } from './redis-connection.js';
export { RedisStorage, type RedisStorageOptions } from './redis.storage.js';
