/** Something that no client of ours asks for. */
export type Trap = 'admin_users' | 'backdoor' | 'scanner_path';

const ADMIN_USERS = '/v1/admin/users';
const BACKDOOR = '/v1/admin/backdoor';

/** What scanners look for on every host; matched on the lower-case path without its query. */
const SCANNER_PATH = new RegExp(
  [
    // Secrets and repositories left in the web root.
    String.raw`^/(?:[^/]+/){0,2}\.(?:env|git|svn|hg|aws|ssh|docker|vscode|idea|npmrc|htpasswd|htaccess|ds_store)(?:$|[./])`,
    // Software that we are not.
    String.raw`^/(?:wp-(?:login|admin|content|includes|config|json)|wordpress|xmlrpc\.php|phpmyadmin|pma|adminer|mysql|cgi-bin|vendor/phpunit|solr|jenkins|actuator|boaform|hnap1|owa|ecp|autodiscover|telescope|_ignition|server-status|manager/html|druid|struts|geoserver)(?:$|[/.?])`,
    String.raw`\.(?:php\d?|phtml|aspx?|jsp|cgi|bak|sql|swp|old|orig|pem)$`,
    String.raw`^/(?:config|configuration|credentials|secrets?|backup|dump|database)\.(?:json|ya?ml|ini|zip|gz|tar|env|txt)$`,
    String.raw`/etc/passwd|/proc/self/`,
  ].join('|'),
);

const MAX_PATH_LENGTH = 512;

/** The trap that a request walks into, or null. The path is read as scanners write it: encoded, doubled, in capitals. */
export function trapOf(method: string, url: string): Trap | null {
  const path = plainPath(url);
  if (path === ADMIN_USERS) return method === 'GET' ? 'admin_users' : null;
  if (path === BACKDOOR) return method === 'POST' ? 'backdoor' : null;
  if (path.startsWith('/v1/')) return null;
  return SCANNER_PATH.test(path) ? 'scanner_path' : null;
}

/** The path alone: decoded once, lower-case, without query, doubled slashes and trailing slash. */
export function plainPath(url: string): string {
  const end = url.search(/[?#]/);
  const raw = (end < 0 ? url : url.slice(0, end)).slice(0, MAX_PATH_LENGTH);
  const path = decoded(raw)
    .toLowerCase()
    .replace(/\/{2,}/g, '/');
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
