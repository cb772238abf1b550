/**
 * A page that opens an `EventSource` and a `WebSocket` with tickets. The key of the browser is made by WebCrypto, and no
 * script can read it. `render` shows what arrives; the tests read it, too.
 */
export const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Tickets for EventSource and WebSocket</title>
    <meta name="referrer" content="no-referrer" />
  </head>
  <body>
    <h1>Tickets for EventSource and WebSocket</h1>
    <dl>
      <dt>Key</dt><dd id="key"></dd>
      <dt>EventSource</dt><dd id="feed"></dd>
      <dt>The same ticket again</dt><dd id="feed-again"></dd>
      <dt>WebSocket, by query</dt><dd id="live"></dd>
      <dt>The same ticket again</dt><dd id="live-again"></dd>
      <dt>WebSocket, by sub-protocol</dt><dd id="protocol"></dd>
    </dl>
    <script type="module">
      const render = (id, text) => (document.getElementById(id).textContent = text);
      const bytes = (text) => new TextEncoder().encode(text);
      const base64url = (data) =>
        btoa(String.fromCharCode(...new Uint8Array(data)))
          .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
      const sha256 = async (text) => base64url(await crypto.subtle.digest('SHA-256', bytes(text)));

      // A page keeps this pair in IndexedDB, so that its tokens outlive a reload.
      const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
      const { publicKey, privateKey } = await crypto.subtle.generateKey(algorithm, false, ['sign']);
      const { crv, kty, x, y } = await crypto.subtle.exportKey('jwk', publicKey);
      const jkt = await sha256(JSON.stringify({ crv, kty, x, y }));
      render('key', jkt);

      async function createProof(method, url, token) {
        const header = { alg: 'ES256', typ: 'dpop+jwt', jwk: { kty, crv, x, y } };
        const claims = {
          jti: crypto.randomUUID(),
          htm: method,
          htu: url,
          iat: Math.floor(Date.now() / 1000),
          ath: await sha256(token),
        };
        const input = [header, claims].map((part) => base64url(bytes(JSON.stringify(part)))).join('.');
        const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, bytes(input));
        return input + '.' + base64url(signature);
      }

      const json = { 'content-type': 'application/json' };
      const login = await fetch('/login', { method: 'POST', headers: json, body: JSON.stringify({ jkt }) });
      const { token } = await login.json();

      async function fetchTicket(path) {
        const dpop = await createProof('POST', location.origin + '/tickets', token);
        const headers = { ...json, authorization: 'DPoP ' + token, dpop };
        const response = await fetch('/tickets', { method: 'POST', headers, body: JSON.stringify({ path }) });
        return (await response.json()).ticket;
      }

      function openFeed(id, ticket) {
        const source = new EventSource('/feed?ticket=' + ticket);
        return new Promise((resolve) => {
          source.onmessage = ({ data }) => { render(id, data); source.close(); resolve(); };
          source.onerror = () => { render(id, 'refused, state ' + source.readyState); resolve(); };
        });
      }

      function openLive(id, query, protocols) {
        const socket = new WebSocket(location.origin.replace('http', 'ws') + '/live' + query, protocols);
        return new Promise((resolve) => {
          socket.onopen = () => socket.send(JSON.stringify({ event: 'whoami' }));
          socket.onmessage = ({ data }) => {
            render(id, JSON.parse(data).data.key + ' ' + socket.protocol);
            socket.close();
            resolve();
          };
          socket.onclose = ({ code }) => { if (code !== 1005) render(id, 'refused, code ' + code); resolve(); };
        });
      }

      const feed = await fetchTicket('/feed');
      await openFeed('feed', feed);
      await openFeed('feed-again', feed);
      const live = await fetchTicket('/live');
      await openLive('live', '?ticket=' + live, []);
      await openLive('live-again', '?ticket=' + live, []);
      await openLive('protocol', '', ['ticket.' + (await fetchTicket('/live')), 'events.v1']);
      document.body.dataset.done = 'yes';
    </script>
  </body>
</html>
`;
