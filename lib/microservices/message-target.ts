import {
  KafkaContext,
  MqttContext,
  NatsContext,
  RedisContext,
  RmqContext,
  TcpContext,
} from '@nestjs/microservices';
import { isObject } from '../http/is-object.js';

/** The pattern of a message as it came: subject, topic, channel or pattern. `undefined` for another context. */
export function patternOf(context: unknown): string | undefined {
  if (context instanceof NatsContext) return context.getSubject();
  if (context instanceof KafkaContext || context instanceof MqttContext) return context.getTopic();
  if (context instanceof RedisContext) return context.getChannel();
  if (context instanceof RmqContext || context instanceof TcpContext) return context.getPattern();
  return undefined;
}

/**
 * The path of `htu` for a pattern: a slash, then the pattern as one segment, percent-encoded. A pattern that is an object is
 * its JSON with the members in the order of their names, as the clients of Nest send it.
 */
export function targetOf(pattern: string): string {
  return `/${encodeURIComponent(canonicalize(pattern))}`;
}

/** Nest routes an object with its members in any order to the same handler. */
function canonicalize(pattern: string): string {
  try {
    const value: unknown = JSON.parse(pattern);
    return isObject(value) ? JSON.stringify(sortMembers(value)) : pattern;
  } catch {
    return pattern;
  }
}

function sortMembers(value: unknown): unknown {
  if (!isObject(value) || Array.isArray(value)) return value;
  const sorted = Object.entries(value).toSorted(([one], [other]) => one.localeCompare(other));
  return Object.fromEntries(sorted.map(([name, member]) => [name, sortMembers(member)]));
}
