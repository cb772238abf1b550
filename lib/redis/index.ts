export { RedisDenyList, type RedisDenyListOptions } from './redis-deny-list.js';
export type { RedisClusterSource, RedisSource } from './redis-source.js';
export { RedisStorage, type RedisStorageOptions } from './redis.storage.js';
