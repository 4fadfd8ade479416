/**
 * Keeps other web sites' pages away from a server that trusts whoever reaches it. On loopback the Host header must
 * name this machine, or a foreign name pointed at 127.0.0.1 could read the catalog through a visitor's browser;
 * and a request that changes something must not come from a page of another origin.
 */
import type { MiddlewareHandler } from 'hono';
import { EarshotError } from '#core/errors';
import type { AppEnv } from '../context.ts';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** @param onlyLoopback whether the server is bound to a loopback address */
export function sameSite(onlyLoopback: boolean): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const host = c.req.header('host') ?? '';
    if (onlyLoopback && !isLoopbackHost(hostName(host))) {
      const message = `This server answers to localhost only, not to "${host}".`;
      throw new EarshotError('forbidden', message, { subject: 'host' });
    }
    const origin = c.req.header('origin');
    if (origin !== undefined && !SAFE_METHODS.has(c.req.method) && !isSameOrigin(origin, host)) {
      throw new EarshotError('forbidden', `Pages of ${origin} may not change this catalog.`, {
        subject: 'origin',
      });
    }
    await next();
  };
}

/** Whether a name or address means this machine and nobody else. */
export function isLoopbackHost(name: string): boolean {
  const bare = name.replace(/^\[|\]$/g, '').toLowerCase();
  return (
    bare === 'localhost' || bare.endsWith('.localhost') || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare)
  );
}

function hostName(hostHeader: string): string {
  return hostHeader.replace(/:\d+$/, '');
}

function isSameOrigin(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}
