/** UTF-8 without a byte order mark, which jose's decoder would drop (RFC 8259 §8.1). */
export function isText(segment: string): boolean {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return !text.decode(Buffer.from(segment, 'base64url')).startsWith('\uFEFF');
  } catch {
    return false;
  }
}
