/** The parts of an OpenAPI document that are read and written. The document of `@nestjs/swagger` is one. */
export interface OpenApiDocument {
  readonly openapi?: string;
  readonly paths: Readonly<Record<string, unknown>>;
  components?: {
    securitySchemes?: Record<string, unknown>;
    schemas?: Record<string, unknown>;
  };
}

export type SecurityRequirement = Readonly<Record<string, readonly string[]>>;

export interface OpenApiOperation {
  security?: SecurityRequirement[];
  parameters?: unknown[];
  responses?: Record<string, unknown>;
}

const METHODS = new Set([
  'get',
  'put',
  'post',
  'delete',
  'options',
  'head',
  'patch',
  'trace',
  'search',
  'query',
]);

/** The operations of all paths. */
export function* operationsOf({ paths }: OpenApiDocument): Generator<OpenApiOperation> {
  for (const path of Object.values(paths)) {
    if (typeof path !== 'object' || path === null) continue;
    for (const [method, operation] of Object.entries(path)) {
      if (METHODS.has(method) && typeof operation === 'object' && operation !== null)
        yield operation as OpenApiOperation;
    }
  }
}
