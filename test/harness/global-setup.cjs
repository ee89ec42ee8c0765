const Module = require('node:module');
const { existsSync } = require('node:fs');
const { dirname, resolve } = require('node:path');

// Jest maps `./x.js` to `./x.ts` in tests but not in the global set-up, so the same is done here.
const resolveFilename = Module._resolveFilename;
Module._resolveFilename = function (request, parent, ...rest) {
  if (/^\.{1,2}\/.*\.js$/.test(request) && parent?.filename && !parent.filename.includes('node_modules')) {
    const source = resolve(dirname(parent.filename), request.replace(/\.js$/, '.ts'));
    if (existsSync(source)) return resolveFilename.call(this, source, parent, ...rest);
  }
  return resolveFilename.call(this, request, parent, ...rest);
};

module.exports = () => require('./prepare-server.ts').prepareServer();
