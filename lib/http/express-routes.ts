import { isObject } from './is-object.js';

interface Layer {
  /** The type of the result differs between versions of Express. */
  match(path: string): unknown;
}

/**
 * Whether the framework routes two paths alike: the same middleware and the same routes match both. Fastify decodes a
 * path before it finds a route. Express compares the text: `/%61dmin` does not match its route `/admin`, although both
 * are the same URI (RFC 3986 §6.2.2.2). If the layers of Express cannot be read, the answer is `false`.
 */
export function areRoutedAlike(
  request: Readonly<Record<string, unknown>>,
  one: string,
  other: string,
): boolean {
  const { app, baseUrl } = request;
  // Only the `app` of Express is a function.
  if (typeof app !== 'function') return true;
  const layers = layersOf((app as { router?: unknown }).router);
  if (layers === undefined || baseUrl !== '') return false;
  return layers.every((layer) => matches(layer, one) === matches(layer, other));
}

function layersOf(router: unknown): readonly Layer[] | undefined {
  const stack = typeof router === 'function' ? (router as { stack?: unknown }).stack : undefined;
  const isKnown =
    Array.isArray(stack) && stack.every((layer) => isObject(layer) && typeof layer['match'] === 'function');
  return isKnown ? (stack as readonly Layer[]) : undefined;
}

/** A layer throws for an escape that is not UTF-8. The router then answers 400, which counts as a match. */
function matches(layer: Layer, path: string): boolean {
  try {
    return Boolean(layer.match(path));
  } catch {
    return true;
  }
}
