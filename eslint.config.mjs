import js from '@eslint/js';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** What each room may not import: ARCHITECTURE.md's rules. `allow` lists exceptions by regular expression. */
const NODE_IO = '^node:(?!crypto$|timers/promises$)';
const rooms = [
  { files: ['src/shared/**'], forbid: ['^vscode$', '^node:', '^\\.\\./', '^@noble/', '^ws$'] },
  { files: ['src/crypto/**'], forbid: ['^vscode$', NODE_IO, '^\\.\\./', '^ws$'] },
  {
    files: ['src/protocol/**'],
    forbid: ['^vscode$', '^node:', '^@noble/', '^ws$', '^\\.\\./(?!crypto/|shared/)'],
  },
  {
    files: ['src/store/**'],
    forbid: ['^vscode$', '^@noble/', '^ws$', '^\\.\\./(?!crypto/|protocol/|shared/)'],
  },
  {
    files: ['src/client/**'],
    forbid: ['^vscode$', '^node:(?!events$)', '^@noble/', '^\\.\\./(?!crypto/|protocol/|shared/|store/)'],
  },
  {
    files: ['src/relay/**'],
    forbid: [
      '^vscode$',
      '^@noble/',
      '^\\.\\./protocol/(?!wire|codec|errors)',
      '^\\.\\./(?!crypto/|protocol/|shared/|store/)',
      '^\\.\\./store/(?!journal|files)',
    ],
  },
  { files: ['src/host/**', 'src/extension.ts'], forbid: ['^@noble/', '^ws$', '^cborg$', 'webview/'] },
  { files: ['webview/**'], forbid: ['^vscode$', '^node:', '^@noble/', '^\\.\\./src/(?!shared/)'] },
];

/** In VS Code's Electron node:crypto is BoringSSL: only what it does there too may be used. */
const NODE_CRYPTO_ALLOWED = [
  'constants',
  'createCipheriv',
  'createHash',
  'createHmac',
  'createPrivateKey',
  'createPublicKey',
  'generateKeyPair',
  'KeyObject',
  'privateDecrypt',
  'publicEncrypt',
  'randomBytes',
  'scrypt',
  'sign',
  'timingSafeEqual',
  'verify',
];

const restrict = (patterns) => [
  'error',
  {
    patterns: patterns.map((regex) => ({
      regex,
      message: 'This room may not import that: see docs/ARCHITECTURE.md.',
    })),
  },
];

export default tseslint.config(
  { ignores: ['dist/**', '.vscode-host/**', 'coverage/**', 'test/results/**', '.stryker-tmp/**'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    plugins: { 'import-x': importX },
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './webview/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver({ project: './tsconfig.json' })] },
    rules: {
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      // An interface may promise what an implementation does at once.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': ['error', { allow: ['asyncMethods', 'arrowFunctions'] }],
    },
  },
  ...rooms.map(({ files, forbid }) => ({ files, rules: { 'no-restricted-imports': restrict(forbid) } })),
  {
    files: ['src/**/*.ts'],
    ignores: ['src/crypto/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: `ImportDeclaration[source.value="node:crypto"] ImportSpecifier[imported.name!=/^(randomBytes|randomUUID|timingSafeEqual)$/]`,
          message: 'Primitives have one home: src/crypto.',
        },
      ],
    },
  },
  {
    files: ['src/crypto/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: `ImportDeclaration[source.value="node:crypto"] ImportSpecifier[imported.name!=/^(${NODE_CRYPTO_ALLOWED.join('|')})$/]`,
          message: 'BoringSSL lacks or breaks it: use @noble.',
        },
      ],
    },
  },
  // What it finds missing, it has of noble.
  { files: ['src/crypto/x25519.ts'], rules: { 'no-restricted-syntax': 'off' } },
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/unbound-method': 'off' } },
  {
    files: ['**/*.mjs', '*.js'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          'process',
          'console',
          'Buffer',
          'URL',
          'setTimeout',
          'clearTimeout',
          'setInterval',
          'clearInterval',
          'setImmediate',
          'fetch',
          'AbortSignal',
          'AbortController',
          'performance',
          'require',
          'module',
          'structuredClone',
          'document',
          'window',
          'queueMicrotask',
          'URLSearchParams',
          'TextEncoder',
          'TextDecoder',
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
);
