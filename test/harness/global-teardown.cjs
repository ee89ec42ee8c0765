module.exports = async () => globalThis.stopTestServer?.();
