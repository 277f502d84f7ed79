// Lint rules: typescript-eslint's type-checked set, which catches a floating promise and an output printed in a template string.
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules/", ".rehearsal/", "bench/programs/usual/"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      // What answers with a promise is async throughout, so that what it throws is a rejection too.
      "@typescript-eslint/require-await": "off",
      // node:test registers a test by a call whose promise the runner awaits itself.
      "@typescript-eslint/no-floating-promises": [
        "error",
        {
          allowForKnownSafeCalls: [
            { from: "package", name: ["test", "it", "describe", "suite"], package: "node:test" },
          ],
        },
      ],
    },
  },
);
