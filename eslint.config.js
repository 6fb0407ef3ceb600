import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

/** Who may do what (the import rules between folders stand in test/meta.test.ts). */

const noProcess = {
  "no-restricted-globals": ["error", { name: "process", message: "Only src/cli.ts touches the process." }],
};
const childProcess = {
  regex: "^(node:)?child_process$",
  message: "Processes are started by the doors alone, with execa.",
};
const nodeProcess = { regex: "^(node:)?process$", message: "Only src/cli.ts touches the process." };

export default defineConfig(
  globalIgnores(["dist/", "coverage/", "**/node_modules/", "**/.clawproof/", "**/.*.mjs"]),
  { linterOptions: { reportUnusedDisableDirectives: "error", noInlineConfig: true } },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // `typeof import("pg")` is how a driver that is loaded on use gets its type.
      "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
      "@typescript-eslint/no-unnecessary-condition": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/prefer-nullish-coalescing": ["error", { ignorePrimitives: true }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", destructuredArrayIgnorePattern: "^_", caughtErrors: "all" },
      ],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/require-await": "off",
    },
  },
  {
    rules: { eqeqeq: "error", "no-console": "error", "no-var": "error", "prefer-const": "error" },
  },
  {
    files: ["src/**", "checks/**"],
    rules: { ...noProcess, "no-restricted-imports": ["error", { patterns: [childProcess, nodeProcess] }] },
  },
  {
    // Runs inside an agent, whose console it is: what holds its writes must not be silent.
    files: ["src/guard/notices.ts"],
    rules: { "no-console": "off" },
  },
  {
    files: ["test/**"],
    // expect.stringMatching and its kind are `any`, and stand where anything may.
    rules: { "@typescript-eslint/no-unsafe-assignment": "off" },
  },
  {
    // The children are processes of their own; the other two have an id, and end what a door started.
    files: [
      "src/cli.ts",
      "src/databases/sqlite-child.mjs",
      "src/doors/module-child.mjs",
      "src/doors/process-group.ts",
      "src/rehears*/acting-file.ts",
    ],
    rules: {
      "no-restricted-globals": "off",
      "no-restricted-imports": ["error", { patterns: [childProcess] }],
    },
  },
  {
    // Processes that were started by others: asked after, signalled, and put back where a drill has died.
    files: ["src/doors/process-info.mjs", "src/doors/guardian-child.mjs"],
    rules: { "no-restricted-globals": "off", "no-restricted-imports": "off" },
  },
  {
    // Judges are pure: nothing of Node, and of ours only types, words and values.
    files: ["checks/**"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { regex: "^node:|^(undici|execa|pg|mysql2|libsql|kysely)", message: "Judges do no input or output." },
          ],
        },
      ],
    },
  },
  {
    files: ["**/*.{js,mjs}"],
    languageOptions: {
      globals: Object.fromEntries(
        [
          "AbortController",
          "AbortSignal",
          "Buffer",
          "Request",
          "TextDecoder",
          "TextEncoder",
          "URL",
          "URLSearchParams",
          "clearImmediate",
          "clearInterval",
          "clearTimeout",
          "console",
          "crypto",
          "fetch",
          "performance",
          "process",
          "queueMicrotask",
          "setImmediate",
          "setInterval",
          "setTimeout",
          "structuredClone",
        ].map((name) => [name, "readonly"]),
      ),
    },
  },
  {
    // What runs in a browser.
    files: ["src/switch/service/page/*.mjs", "test/switch/page/*.mjs"],
    languageOptions: {
      globals: Object.fromEntries(
        ["EventSource", "document", "getComputedStyle", "history", "location", "matchMedia"].map((name) => [
          name,
          "readonly",
        ]),
      ),
    },
  },
  { files: ["scripts/**", "bench/**", "fixtures/**"], rules: { "no-console": "off" } },
);
