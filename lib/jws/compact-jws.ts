/** The three segments of a JWS in compact form, still encoded (RFC 7515 §7.1). */
export interface CompactJws {
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
  /** `header.payload`: the octets that are signed (RFC 7515 §5.2). */
  readonly signingInput: string;
}

/** Looking for what is not allowed is faster than matching all that is. */
const NEITHER_BASE64URL_NOR_DOT = /[^\w.-]/;

/** `undefined` for anything but three base64url segments, none empty. A JWE has five. */
export function parseCompactJws(text: string): CompactJws | undefined {
  const [header, payload, signature, more] = text.split('.', 4);
  if (!isEncoding(header) || !isEncoding(payload) || !isEncoding(signature)) return undefined;
  if (more !== undefined || NEITHER_BASE64URL_NOR_DOT.test(text)) return undefined;
  return { header, payload, signature, signingInput: text.slice(0, -1 - signature.length) };
}

/** A rest of one character encodes nothing (RFC 4648 §4); decoders disagree about it. */
function isEncoding(segment: string | undefined): segment is string {
  return segment !== undefined && segment !== '' && segment.length % 4 !== 1;
}

/**
 * A segment by itself. V8 makes a slice of the whole JWS where it splits, which keeps the JWS in memory for as long as
 * the segment: copy what outlives the request.
 */
export function detachSegment(segment: string): string {
  return Buffer.from(segment, 'latin1').toString('latin1');
}
