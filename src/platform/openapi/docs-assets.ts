import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const UI_FILES = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
} as const;

/** A script of its own, because the policy of our pages allows none within the page. */
const START_SCRIPT = `SwaggerUIBundle({
  url: new URL('openapi.json', document.baseURI).href,
  dom_id: '#ui',
  deepLinking: true,
  docExpansion: 'none',
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: false,
  // The badge asks a server of the UI's makers to check our document.
  validatorUrl: null,
  withCredentials: true,
});
`;

export const DOCS_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Latchkey API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

export interface Asset {
  readonly type: string;
  readonly content: string | Buffer;
}

const kept = new Map<string, Asset>([
  ['start.js', { type: 'text/javascript; charset=utf-8', content: START_SCRIPT }],
]);

/** A file of the interactive documentation, or null; read once. */
export function docsAsset(name: string): Asset | null {
  const known = kept.get(name);
  if (known) return known;
  if (!Object.hasOwn(UI_FILES, name)) return null;
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const asset = { type: UI_FILES[name as keyof typeof UI_FILES], content: readFileSync(join(folder, name)) };
  kept.set(name, asset);
  return asset;
}
