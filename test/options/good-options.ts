export const GOOD = {
  origin: 'https://api.example.com',
  accessToken: { issuer: 'https://auth.example.com', audience: 'https://api.example.com' },
} as const;

/** Configurations come from JSON and from untyped code, too. */
export type Untyped = Readonly<Record<string, unknown>>;
