#!/bin/sh
# Packs the package, and compiles and runs a program that has nothing but it.
set -eu
rm -rf build/consumer && mkdir -p build/consumer
cp packaging/consumer.ts build/consumer/
npm pack --silent --pack-destination build/consumer >/dev/null
cd build/consumer
echo '{ "type": "module" }' >package.json
npm install --silent --no-audit --no-fund ./llmgateway-client-*.tgz
../../node_modules/.bin/tsc --ignoreConfig --strict --types node --typeRoots ../../node_modules/@types --module nodenext --target es2022 --lib es2022,esnext.disposable consumer.ts
node consumer.js
