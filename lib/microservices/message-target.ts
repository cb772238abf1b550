import {
  KafkaContext,
  MqttContext,
  NatsContext,
  RedisContext,
  RmqContext,
  TcpContext,
} from '@nestjs/microservices';
import { transformPatternToRoute } from '@nestjs/microservices/utils/transform-pattern.utils.js';
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
 * its JSON with the members in the order of their names: the text that clients of Nest send, and by which Nest routes.
 */
export function targetOf(pattern: string): string {
  return `/${encodeURIComponent(routeOf(pattern))}`;
}

/** As the servers of Nest do, for a client that sends an object: its members may come in any order. */
function routeOf(pattern: string): string {
  try {
    const value: unknown = JSON.parse(pattern);
    return isObject(value) ? transformPatternToRoute(value as never) : pattern;
  } catch {
    return pattern;
  }
}
