/** The three segments of a JWS in compact form, still encoded (RFC 7515 §7.1). */
export interface CompactJws {
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
  /** `header.payload`, the signed text (RFC 7515 §5.2). */
  readonly signingInput: string;
}

const NEITHER_BASE64URL_NOR_DOT = /[^\w.-]/;

/** `undefined` unless the text has exactly three segments of base64url, none of them empty. A JWE has five. */
export function parseCompactJws(text: string): CompactJws | undefined {
  const [header, payload, signature, more] = text.split('.', 4);
  if (!isEncoding(header) || !isEncoding(payload) || !isEncoding(signature)) return undefined;
  if (more !== undefined || NEITHER_BASE64URL_NOR_DOT.test(text)) return undefined;
  return { header, payload, signature, signingInput: text.slice(0, -1 - signature.length) };
}

/** No encoding has a length of `4 n + 1` (RFC 4648 §4); decoders disagree about such a text. */
function isEncoding(segment: string | undefined): segment is string {
  return segment !== undefined && segment !== '' && segment.length % 4 !== 1;
}

/** A copy of a segment that does not keep the whole JWS in memory. See docs/performance.md, "Implementation choices". */
export function detachSegment(segment: string): string {
  return Buffer.from(segment, 'latin1').toString('latin1');
}
