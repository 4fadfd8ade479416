/** How drizzle-kit turns the schema into plain SQL: `npx drizzle-kit generate`. */
import { defineConfig } from 'drizzle-kit';

export default defineConfig({ dialect: 'postgresql', schema: './libs/store/schema.ts', out: './migrations' });
