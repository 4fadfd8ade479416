#!/usr/bin/env node
// The sources are TypeScript; tsx loads them as they stand, so no build output can go stale.
import { register } from 'tsx/esm/api';

register();
await import('./earshot.ts');
