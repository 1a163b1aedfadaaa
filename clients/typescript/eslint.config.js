import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  globalIgnores(["build/", "dist/", "src/gen/", "eslint.config.js"]),
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
  },
  {
    // What a client for browsers would share. The contract is generated without Node, too.
    files: ["compare", "errors", "fold", "request", "status", "stream", "text", "v1"].map(
      (name) => `src/${name}.ts`,
    ),
    rules: {
      "no-restricted-imports": ["error", { patterns: ["node:*", "@connectrpc/connect-node"] }],
    },
  },
  {
    // The runner waits for its tests by itself.
    files: ["test/**"],
    rules: {
      "@typescript-eslint/no-floating-promises": [
        "error",
        {
          allowForKnownSafeCalls: [
            { from: "package", package: "node:test", name: ["describe", "it"] },
          ],
        },
      ],
    },
  },
  {
    // A sample prints what it is given, as its readers would.
    files: ["samples/**"],
    rules: { "@typescript-eslint/restrict-template-expressions": "off" },
  },
);
