#!/usr/bin/env node
/**
 * Looks for secrets in the files that git tracks: `node scripts/scan-secrets.mjs [file…]`.
 * A finding is reported by file, line and rule; the text itself is never printed. Exit code 1 when there is one.
 *
 * A line that only looks like a secret is let through by a comment on it or on the line above, with a reason:
 *   secret-scan:allow published test vector of RFC 6238
 * Files that cannot hold a comment are named in `allowedFiles` below, with their reason.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const allowedFiles = [
  { path: /^package-lock\.json$/, reason: 'integrity hashes of the npm registry' },
  { path: /^fixtures\/openapi\//, reason: "the providers' own documents, with their published examples" },
];
const allowComment = /secret-scan:allow\s+\S+/;
const MAX_FILE_BYTES = 2_000_000;

/** Files whose presence is the finding. */
const forbiddenFiles =
  /(^|\/)(\.env(?!\.example$)(\..+)?|secrets\.json|id_(rsa|ecdsa|ed25519)|[^/]+\.(pem|key|p12|pfx|jks))$/;

const rules = [
  { name: 'private key', find: /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----/ },
  { name: 'AWS access key', find: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/ },
  { name: 'SendGrid key', find: /\bSG\.[\w-]{22}\.[\w-]{43}(?![\w-])/ },
  { name: 'GitHub token', find: /\b(?:gh[pousr]_\w{36}|github_pat_\w{60})/ },
  { name: 'Latchkey API key', find: /\blk_(?:live|test)_[A-Za-z0-9]+_[A-Za-z0-9]{30,}/ },
  { name: 'JSON web token', find: /\beyJ[\w-]{15,}\.eyJ[\w-]{15,}\.[\w-]{30,}/ },
  {
    name: 'URL with a password',
    find: /\b[a-z][a-z+]*:\/\/[^\s:@/'"`]+:([^\s:@/'"`]{12,})@/,
    accept: looksRandom,
  },
  {
    name: 'secret assignment',
    find: /(?:secret|token|passw(?:or)?d|api_?key|(?:private|signing|encryption|master)_?key|credential)s?\w*["']?\s*(?::|=|\?\?)\s*["'`]?([\w+/=-]{20,})(?![\w+/=.($-])/i,
    accept: looksRandom,
  },
];

/** Twilio's tokens are 32 plain hex digits, like many harmless things; they count next to an account or key SID. */
const twilioSid = /\b(?:AC|SK)([0-9a-f]{32})\b/;
const twilioToken = /(?<![0-9a-zA-Z])([0-9a-f]{32})(?![0-9a-zA-Z])/;
const TWILIO_NEIGHBOURHOOD_LINES = 5;

/** Bits per character of what the text shows; random hex comes near 4, random base64 near 5 and more. */
function entropyBits(text) {
  const counts = new Map();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

function looksRandom(text) {
  if (/^[0-9a-f]+$/i.test(text)) return text.length >= 32 && entropyBits(text) > 3;
  const classes = [/[a-z]/, /[A-Z]/, /\d/].filter((kind) => kind.test(text)).length;
  return classes >= 2 && /\d/.test(text) && entropyBits(text) > 3.8;
}

function findTwilioPairs(lines) {
  const findings = [];
  const sidLines = lines.flatMap((line, index) =>
    looksRandom(twilioSid.exec(line)?.[1] ?? '') ? [index] : [],
  );
  lines.forEach((line, index) => {
    const isNear = sidLines.some((sid) => Math.abs(sid - index) <= TWILIO_NEIGHBOURHOOD_LINES);
    if (isNear && looksRandom(twilioToken.exec(line)?.[1] ?? ''))
      findings.push({ index, rule: 'Twilio SID with token' });
  });
  return findings;
}

function findInText(text) {
  const lines = text.split('\n');
  const findings = lines.flatMap((line, index) =>
    rules
      .filter(({ find, accept }) => {
        const match = find.exec(line);
        return match !== null && (!accept || accept(match[1]));
      })
      .map(({ name }) => ({ index, rule: name })),
  );
  return [...findings, ...findTwilioPairs(lines)].filter(
    ({ index }) => !allowComment.test(lines[index]) && !allowComment.test(lines[index - 1] ?? ''),
  );
}

function scan(path) {
  if (forbiddenFiles.test(path)) return [`${path}: a file of this name is not committed`];
  if (allowedFiles.some((allowed) => allowed.path.test(path))) return [];
  let bytes;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    // Tracked, but deleted or a folder (a submodule) in the working tree: nothing to read.
    if (error.code === 'ENOENT' || error.code === 'EISDIR') return [];
    throw error;
  }
  if (bytes.length > MAX_FILE_BYTES)
    return [`${path}: too large to scan; allow it by name if it must be here`];
  if (bytes.subarray(0, 8000).includes(0)) return [];
  return findInText(bytes.toString('utf8')).map(({ index, rule }) => `${path}:${index + 1}: ${rule}`);
}

function trackedFiles() {
  return execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
    .split('\0')
    .filter(Boolean);
}

const files = process.argv.length > 2 ? process.argv.slice(2) : trackedFiles();
const findings = files.flatMap(scan);
for (const finding of findings) console.error(finding);
console.log(`secret scan: ${files.length} files, ${findings.length} findings`);
process.exitCode = findings.length > 0 ? 1 : 0;
