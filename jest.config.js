import { availableParallelism } from 'node:os';

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/__tests__'],
  globalSetup: '<rootDir>/scripts/test-bundle.js',
  testSequencer: '<rootDir>/scripts/slow-suites-first.js',
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'es6' } },
    ],
  },
  // The scenarios run real servers and processes: a test that hangs must fail under its own name.
  testTimeout: 60_000,
  // The scenarios mostly wait for clusters and processes: with one worker per core, a third of the time no suite computes.
  maxWorkers: Math.ceil(availableParallelism() * 1.5),
};
