#!/usr/bin/env bash
# What a stranger does, on a fresh clone: npm ci, npm start, the printed curl line. Then a crash, a second start, and Ctrl-C.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d /tmp/latchkey-smoke.XXXXXX)
port=$(node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
pid=
server_of() { pgrep -f "postgres.*$scratch|$scratch.*postgres" || true; }
clean_up() {
  [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
  for left in $(server_of); do kill -INT "$left" 2>/dev/null || true; done
  rm -rf "$scratch"
}
trap clean_up EXIT

git clone -q "$here" "$scratch/clone"
cd "$scratch/clone"
export DATA_DIR=$scratch/data PORT=$port HOST=127.0.0.1
started=$SECONDS
npm ci --no-audit --no-fund --silent

start() { # start the built application and wait for its banner
  : >"$scratch/out"
  "$@" >"$scratch/out" 2>&1 &
  for _ in $(seq 1 1800); do
    if grep -q "Latchkey is ready" "$scratch/out" && grep -q "^curl" "$scratch/out"; then
      pid=$(pgrep -f "node.*dist/src/main.js" --newest)
      return 0
    fi
    sleep 0.1
  done
  cat "$scratch/out"
  return 1
}

start npm start
echo "ready $((SECONDS - started)) s after npm ci began"
# A slow machine and a slow registry get several times what a quiet one takes.
[ $((SECONDS - started)) -lt 300 ]
answer=$(bash -c "$(grep '^curl' "$scratch/out")")
echo "$answer" | grep -q '"success":true' || { echo "the printed curl line answered: $answer"; exit 1; }

kill -9 "$pid"
sleep 0.5
start node dist/src/main.js
key=$(grep -o "lk_live_[A-Za-z0-9_]*" "$scratch/out" | head -1)
curl -sf "http://127.0.0.1:$port/v1/clients?q=taylor" -H "X-API-Key: $key" | grep -q '"firstName":"Taylor"'
echo "after kill -9 the record is there"

kill -INT "$pid"
for _ in $(seq 1 400); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
if kill -0 "$pid" 2>/dev/null; then echo "Ctrl-C did not end it"; exit 1; fi
if [ -n "$(server_of)" ]; then echo "PostgreSQL was left running"; exit 1; fi
pid=
echo "Ctrl-C left nothing running"
