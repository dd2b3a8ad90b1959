import { addressIn, domainOf, type Person, type PersonName, people, personNames } from '../directory.ts';
import type { Reply } from '../reply.ts';

/** What each person may do here, for the one who picks. */
const abilities: Record<PersonName, string> = {
  admin: 'May read the connection and disconnect it.',
  reader: 'May read the connection, and do nothing to it.',
  auditor: 'Reads the audit trail, and nothing else.',
  'second-admin': 'May disconnect, and approves or rejects what other people ask for.',
  'no-roles': 'Can sign in, but has no role in this service.',
  guest: 'Has the role to disconnect, but is a guest from another tenant.',
};

type Page = {
  /** Where the page's form goes: its own address, with what the portal asked for. */
  action: string;
  tenantId: string;
  /** The origin that the browser will be sent back to. */
  returnTo: string;
};

/** Who signs in. `first` is the person the portal suggested. */
export function choicePage({ first, ...page }: Page & { first?: Person }): Reply {
  const order = personNames.map((name) => people[name]);
  const sorted = first ? [first, ...order.filter((person) => person !== first)] : order;
  const choices = sorted.map(
    (person) => `
        <li>
          <button name="person" value="${person.name}" aria-describedby="${person.name}">
            <strong>${escapeHtml(person.displayName)}</strong>
            <span>${escapeHtml(addressIn(page.tenantId, person))}</span>
          </button>
          <p id="${person.name}">${escapeHtml(abilities[person.name])}</p>
        </li>`,
  );
  return formPage('Pick who you are', page, `<ul>${choices.join('')}\n      </ul>`);
}

/** The second step, when the portal came back with a demand for more proof. */
export function proofPage({ person, ...page }: Page & { person: Person }): Reply {
  const name = `<strong>${escapeHtml(person.displayName)}</strong>`;
  return formPage(
    'Prove it is you',
    page,
    `<p>What you are about to do needs more proof than a password. Entra would ask ${name} for a passkey or an
        app's code now; here a click is enough.</p>
      <input type="hidden" name="person" value="${person.name}">
      <p><button name="proof" value="given" class="main">It is me, ${escapeHtml(person.displayName)}</button></p>`,
  );
}

/** What went wrong when there is nowhere to send the browser back to. */
export function errorPage(status: number, description: string): Reply {
  return page(
    status,
    "'none'",
    'This sign-in cannot go on',
    `<p role="alert">${escapeHtml(description)}</p>`,
  );
}

/** The end of a sign-out that named no page to go on to, and the door's own first page. */
export function plainPage(title: string, sentence: string): Reply {
  return page(200, "'none'", title, `<p>${escapeHtml(sentence)}</p>`);
}

function formPage(title: string, { action, tenantId, returnTo }: Page, content: string): Reply {
  const body = `<p>Signing in to <strong>${escapeHtml(returnTo)}</strong> in the tenant ${escapeHtml(domainOf(tenantId))}.</p>
    <form method="post" action="${escapeHtml(action)}">
      ${content}
      <p><button name="cancel" value="yes">Cancel</button></p>
    </form>`;
  // Chromium applies form-action to where a form's answer redirects to, as well.
  return page(200, `'self' ${returnTo}`, title, body);
}

function page(status: number, formAction: string, title: string, content: string): Reply {
  return {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': `default-src 'none'; style-src 'self'; img-src data:; form-action ${formAction}; base-uri 'none'; frame-ancestors 'none'`,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    },
    body: `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>${escapeHtml(title)} · Simulated sign-in</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/sign-in.css">
</head>
<body>
  <header><p><strong>Simulated sign-in.</strong> This stands in for Microsoft Entra ID on your own machine. Nothing here is real: no account, no password, no tenant.</p></header>
  <main>
    <h1>${escapeHtml(title)}</h1>
    ${content}
  </main>
</body>
</html>
`,
  };
}

/** `GET /sign-in.css` */
export function stylesheet(): Reply {
  return {
    status: 200,
    headers: { 'content-type': 'text/css; charset=utf-8', 'x-content-type-options': 'nosniff' },
    body: style,
  };
}

const style = `:root { color-scheme: light dark; --line: light-dark(#8a8f98, #7d838d); --quiet: light-dark(#50565f, #b4bac4); --accent: light-dark(#1d4ed8, #9db8ff); }
* { box-sizing: border-box; }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; background: light-dark(#f5f6f8, #15171b); color: light-dark(#1b1e23, #eceef2); }
header { background: light-dark(#fff3cd, #4a3b00); color: light-dark(#3d3000, #fff3cd); }
header p { max-width: 36rem; margin: 0 auto; padding: .75rem 1rem; }
main { max-width: 36rem; margin: 1.5rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; }
ul { list-style: none; margin: 1rem 0; padding: 0; display: grid; gap: .75rem; }
li { background: light-dark(#fff, #202329); border: 1px solid var(--line); border-radius: .5rem; }
li p { margin: 0; padding: .25rem 1rem .75rem; color: var(--quiet); }
button { font: inherit; color: inherit; background: light-dark(#fff, #202329); border: 1px solid var(--line); border-radius: .5rem; padding: .5rem 1rem; min-height: 2.75rem; cursor: pointer; text-align: start; }
li button { display: block; width: 100%; border-color: transparent; }
li button span { display: block; color: var(--quiet); }
button:hover { border-color: var(--accent); }
button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
button.main { background: light-dark(#1d4ed8, #9db8ff); color: light-dark(#fff, #10131a); border-color: transparent; font-weight: 600; }
`;

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
