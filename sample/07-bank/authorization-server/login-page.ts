/** What the login page asks for: the password, or the second factor as well. */
export type LoginKind = 'password' | 'second factor';

const STYLE = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: light-dark(#eef2f6, #10151b); color: light-dark(#16202b, #e8eef5); }
  main { width: min(22rem, calc(100vw - 4rem)); padding: 2rem; border-radius: 1rem; background: light-dark(#fff, #1a222c); box-shadow: 0 1px 2px #0003; }
  h1 { margin: 0 0 .25rem; font-size: 1.35rem; }
  p { margin: 0 0 1.25rem; color: light-dark(#4a5868, #a7b6c6); }
  label { display: block; margin: 0 0 1rem; font-weight: 600; }
  input { display: block; box-sizing: border-box; width: 100%; margin-top: .25rem; padding: .6rem .75rem; font: inherit; color: inherit; background: light-dark(#fff, #10151b); border: 1px solid light-dark(#8896a5, #66758a); border-radius: .5rem; }
  a { color: light-dark(#0b5cad, #7db8f5); }
  button { width: 100%; padding: .7rem; font: inherit; font-weight: 600; color: #fff; background: #0b5cad; border: 0; border-radius: .5rem; cursor: pointer; }
  :focus-visible { outline: 3px solid #f2a900; outline-offset: 2px; }
`;

/** What a login page says that is too old. */
export function renderExpired(page: string): string {
  return renderPage(
    'Login expired',
    `<h1>This login has expired</h1>
<p><a href="${page}/">Go back to the bank</a>, and start again.</p>`,
  );
}

/** @param uid of the interaction; the server made it */
export function renderLogin(uid: string, kind: LoginKind): string {
  const isSecond = kind === 'second factor';
  const text = isSecond
    ? 'The bank asks for a second factor before money moves. Any PIN will do.'
    : 'This is the authorization server. Any password will do.';
  const factor = isSecond
    ? '<label>PIN <input name="pin" type="password" inputmode="numeric" autocomplete="one-time-code" value="1234" required autofocus></label>'
    : '<label>Password <input name="password" type="password" autocomplete="current-password" value="password" required autofocus></label>';
  return renderPage(
    isSecond ? 'Confirm' : 'Log in',
    `<h1>${isSecond ? 'Confirm it is you' : 'Log in'}</h1>
<p>${text}</p>
<form method="post" action="/interaction/${uid}">
<label>User <input name="user" autocomplete="username" value="alice" readonly></label>
${factor}
<button type="submit">${isSecond ? 'Confirm' : 'Log in'}</button>
</form>`,
  );
}

function renderPage(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${content}
</main>
</body>
</html>
`;
}
