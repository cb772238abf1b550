export interface LoginPage {
  readonly clientId: string;
  readonly scope: string;
  readonly interaction: string;
}

/** The page on which a user logs in. What comes from a request is validated already, and is escaped all the same. */
export function formatLoginPage({ clientId, scope, interaction }: LoginPage): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Log in</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 24rem; margin: 3rem auto; padding: 0 1rem }
  label, input, button { display: block; width: 100%; box-sizing: border-box; margin: .25rem 0; font: inherit }
  button { margin-top: 1rem; padding: .5rem }
</style>
<main>
<h1>Log in</h1>
<p>The client <strong>${escapeHtml(clientId)}</strong> asks for: ${escapeHtml(scope)}</p>
<form method="post" action="/authorize">
<input type="hidden" name="interaction" value="${escapeHtml(interaction)}">
<label for="username">Name</label>
<input id="username" name="username" autocomplete="username" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Log in and allow</button>
</form>
</main>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
