import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import layers from './eslint/layers.js';
import ownProperties from './eslint/own-properties.js';

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'coverage/', '.cache/', 'examples/', '__tests__/fixtures/'] },
  {
    files: ['**/*.ts'],
    extends: [js.configs.recommended, ...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { layers },
    rules: {
      'layers/boundaries': 'error',
      'layers/no-cycle': 'error',
      'max-lines': ['error', { max: 250, skipBlankLines: false, skipComments: false }],
      'max-params': ['error', 3],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  {
    // Text leaves the process by way of log.ts and report/write.ts; the other two save what comes back as it was.
    files: ['src/**/*.ts'],
    ignores: ['src/log.ts', 'src/report/write.ts', 'src/index.ts', 'src/run/post-state.ts'],
    rules: {
      'no-console': 'error',
      'no-restricted-imports': [
        'error',
        { name: '@actions/core', message: 'Text leaves the process through the log.' },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'stdout', message: 'Text leaves the process through the log.' },
        { object: 'process', property: 'stderr', message: 'Text leaves the process through the log.' },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    plugins: { names: ownProperties },
    rules: { 'names/own-properties': 'error' },
  },
  {
    // A suite is a list of sentences, not a module.
    files: ['__tests__/**/*.ts'],
    rules: { 'max-lines': 'off', '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  {
    files: ['**/*.js'],
    extends: [js.configs.recommended],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
);
