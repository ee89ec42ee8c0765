export const LANDING_STYLE = `:root { color-scheme: light dark; --ink: #1b2430; --quiet: #5a6675; --paper: #fbfaf7; --line: #dcd8cf; --key: #8a5a12; }
@media (prefers-color-scheme: dark) { :root { --ink: #e9e6df; --quiet: #a3acb8; --paper: #14181d; --line: #2d343d; --key: #e0a94a; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 2rem; background: var(--paper); color: var(--ink); font: 17px/1.6 system-ui, sans-serif; }
main { width: 100%; max-width: 40rem; }
h1 { margin: 0; font-size: 2.4rem; letter-spacing: -0.02em; }
h1 span { color: var(--key); }
p { margin: 0.6rem 0 2rem; color: var(--quiet); }
ul { list-style: none; margin: 0; padding: 0; border-top: 1px solid var(--line); }
li { border-bottom: 1px solid var(--line); }
a { display: flex; gap: 1rem; align-items: baseline; justify-content: space-between; padding: 0.9rem 0.2rem; color: inherit; text-decoration: none; }
a:hover b, a:focus-visible b { text-decoration: underline; text-underline-offset: 0.2em; }
code { color: var(--key); font: 0.95em ui-monospace, monospace; }
small { color: var(--quiet); }
`;

/** What stands at `/` until there is a console. */
export const LANDING_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Latchkey</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="landing.css">
</head>
<body>
<main>
<h1>Latch<span>key</span></h1>
<p>CRM and call tracking for real-estate brokerages, with security as the product. The service is running; this is its door.</p>
<ul>
<li><a href="docs"><span><b>Documentation</b><br><small>Read every route and try it here</small></span><code>/docs</code></a></li>
<li><a href="openapi.json"><span><b>API document</b><br><small>OpenAPI 3.1, for generators and tests</small></span><code>/openapi.json</code></a></li>
<li><a href="readyz"><span><b>Health</b><br><small>Whether the service and its database answer</small></span><code>/readyz</code></a></li>
</ul>
</main>
</body>
</html>
`;
