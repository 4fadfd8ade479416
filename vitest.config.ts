import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/run-folder.ts',
    // Several suites start databases, servers and ffmpeg; more files at once only make them wait for each other.
    maxWorkers: 2,
    pool: 'forks',
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});
