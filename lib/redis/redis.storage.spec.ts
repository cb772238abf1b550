import { describe, expect, test } from '@jest/globals';
import type { RedisSource } from './redis-connection.js';
import { RedisStorage, type RedisStorageOptions } from './redis.storage.js';

const URL = 'redis://127.0.0.1:1';

describe('misconfiguration is a TypeError at start that names the option and the accepted form', () => {
  test.each<[string, object, string]>([
    ['an unknown name', { keyprefix: 'a:' }, 'RedisStorage options has no option "keyprefix"'],
    ['a prefix that is no string', { keyPrefix: 1 }, 'keyPrefix must be a string without braces'],
    ['a prefix that pins a slot', { keyPrefix: '{a}:' }, 'keyPrefix must be a string without braces'],
    ['no deadline', { deadlineMs: 0 }, 'deadlineMs must be an integer from 1 to 60000'],
    ['a deadline beyond bounds', { deadlineMs: 60_001 }, 'deadlineMs must be an integer from 1 to 60000'],
    [
      'another answer to a loss',
      { afterDataLoss: 'ignore' },
      'afterDataLoss must be "challenge" or "accept"',
    ],
    [
      'secrets that change too often',
      { nonceRotationSeconds: 60 },
      'nonceRotationSeconds must be an integer',
    ],
    ['a clock that is none', { clock: 1 }, 'clock must be a function'],
  ])('%s', (_name, options, message) => {
    const create = () => new RedisStorage(URL, options);
    expect(create).toThrow(TypeError);
    expect(create).toThrow(message);
  });

  test.each([[undefined], [null], [6379]])('%p for a source', (source) => {
    const create = () => new RedisStorage(source as unknown as RedisSource);
    expect(create).toThrow(TypeError);
    expect(create).toThrow(
      'RedisStorage must be given an ioredis client or cluster, a URL, ioredis options, or { nodes',
    );
  });

  test('options that are no object', () => {
    expect(() => new RedisStorage(URL, 'a:' as RedisStorageOptions)).toThrow(
      'RedisStorage options must be an object',
    );
  });
});

test('nothing is opened before it is asked for: a storage that was only made holds no process', async () => {
  const storage = new RedisStorage(URL);
  await expect(storage.ping()).rejects.toThrow('Redis is not connected');
  await storage.close();
});
