/** Calls `run` for all items, with at most `lanes` calls at a time. */
export async function concurrently<T>(
  items: readonly T[],
  lanes: number,
  run: (item: T) => unknown,
): Promise<void> {
  const rest = items.values();
  const lane = async () => {
    for (const item of rest) await run(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
