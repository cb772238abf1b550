import { describe, expect, test } from '@jest/globals';
import type { RedisSource } from './redis-source.js';
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

  test.each([
    ['localhost:6379', 'it is "localhost:6379"', 'did you mean "redis://localhost:6379"?'],
    ['localhost', 'it is "localhost"', 'did you mean "redis://localhost"?'],
    ['redis.example.com:6380/2', 'it is "redis.example.com:6380/2"', '"redis://redis.example.com:6380/2"'],
    [':6379', 'it is ":6379"', 'redis://localhost:6379'],
    ['6379', 'it is "6379"', 'redis://localhost:6379'],
    ['', 'it is ""', 'redis://localhost:6379'],
    ['/', 'it is "/"', 'the absolute path of a socket'],
    ['redis.sock/', 'it is "redis.sock/"', 'the absolute path of a socket'],
    ['http://localhost:6379', 'it is "http://localhost:6379"', 'redis://localhost:6379'],
    ['rediss:/x', 'it is "rediss:/x"', 'rediss://'],
    ['redis://', 'it is "redis://"', 'redis://localhost:6379'],
    ['redis://:6379', 'it is "redis://:6379"', 'redis://localhost:6379'],
    [' redis://localhost', 'it is " redis://localhost"', 'redis://localhost:6379'],
  ])('a malformed URL: %j', (url, value, wayOut) => {
    const create = () => new RedisStorage(url);
    expect(create).toThrow(TypeError);
    expect(create).toThrow('RedisStorage must be given a URL such as "redis://localhost:6379"');
    expect(create).toThrow(value);
    expect(create).toThrow(wayOut);
  });

  test('a malformed URL with a password is not shown', () => {
    const create = () => new RedisStorage('api:topsecret@localhost:6379');
    expect(create).toThrow('RedisStorage must be given a URL');
    expect(create).not.toThrow('topsecret');
  });

  test.each(['redis://localhost', 'REDIS://localhost:6379/1', 'rediss://a:b@[::1]:6380', '/run/redis.sock'])(
    '%s is one',
    (url) => {
      expect(() => new RedisStorage(url)).not.toThrow();
    },
  );

  test.each([[undefined], [null], [6379]])('%p for a source', (source) => {
    const create = () => new RedisStorage(source as unknown as RedisSource);
    expect(create).toThrow(TypeError);
    expect(create).toThrow('RedisStorage must be given a URL such as');
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
