import { isObject } from './is-object.js';

interface Layer {
  /** What it answers differs between versions of Express. */
  match(path: string): unknown;
}

/**
 * Whether the framework routes two paths alike: the same middleware and the same routes match both. Fastify decodes a
 * path before it looks for a route. Express matches the text, so that `/%61dmin` is not its static `/admin` although the
 * two are one URI (RFC 3986 §6.2.2.2). Where that cannot be told, they are not alike.
 */
export function areRoutedAlike(
  request: Readonly<Record<string, unknown>>,
  one: string,
  other: string,
): boolean {
  const { app, baseUrl } = request;
  // Express makes its `app` a function.
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

/** Throws for an escape that is no UTF-8: then the layer matches, and the router answers 400. */
function matches(layer: Layer, path: string): boolean {
  try {
    return Boolean(layer.match(path));
  } catch {
    return true;
  }
}
