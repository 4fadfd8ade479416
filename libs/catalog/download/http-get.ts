/**
 * One GET request by Node's own client, through the proxy that the environment names. (Node 20's `fetch` does not
 * read the proxy variables.)
 */
import http from 'node:http';
import https from 'node:https';
import { isIP, type Socket } from 'node:net';
import tls from 'node:tls';
import { EarshotError } from '#core/errors';

export interface GetOptions {
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Tests hand in their own. */
  env?: NodeJS.ProcessEnv;
}

const MAX_REDIRECTS = 5;
/** A connection on which nothing moves for so long is given up. */
const IDLE_TIMEOUT_MS = 30_000;

/**
 * The answer to a GET, redirects followed.
 *
 * @throws EarshotError `server_unreachable` when no connection comes about, `cancelled`
 */
export async function httpGet(url: string, options: GetOptions = {}): Promise<http.IncomingMessage> {
  let current = new URL(url);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const response = await requestOnce(current, options);
    const { statusCode = 0, headers } = response;
    if (statusCode < 300 || statusCode >= 400 || headers.location === undefined) return response;
    response.destroy();
    current = new URL(headers.location, current);
  }
  throw unreachable(new URL(url), 'it redirects in circles');
}

/** The proxy for this URL out of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, or null. */
export function proxyFor(url: URL, env: NodeJS.ProcessEnv = process.env): URL | null {
  const variable = (name: string) => env[name.toLowerCase()] || env[name] || '';
  const proxy = variable(url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY') || variable('ALL_PROXY');
  if (proxy === '' || isExcluded(url, variable('NO_PROXY'))) return null;
  const text = proxy.includes('://') ? proxy : `http://${proxy}`;
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text);
  const message = `The proxy "${proxy}" is no http:// URL: mend HTTPS_PROXY or HTTP_PROXY.`;
  throw new EarshotError('configuration_invalid', message, { subject: 'HTTPS_PROXY' });
}

/** `NO_PROXY`: names with all below them, optionally with a port; `*` for everything. */
function isExcluded({ hostname, port, protocol }: URL, list: string): boolean {
  const ownPort = port || (protocol === 'https:' ? '443' : '80');
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const [, name = '', entryPort] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(entry) ?? [];
      if (entryPort !== undefined && entryPort !== ownPort) return false;
      return hostname === name || (isIP(hostname) === 0 && hostname.endsWith(`.${name}`));
    });
}

async function requestOnce(url: URL, options: GetOptions): Promise<http.IncomingMessage> {
  const proxy = proxyFor(url, options.env);
  const { signal } = options;
  const headers = { 'user-agent': 'earshot', ...options.headers };
  try {
    if (proxy === null) {
      const client = url.protocol === 'https:' ? https : http;
      return await answerTo(client.request(url, { headers, signal, agent: false }));
    }
    if (url.protocol === 'http:') {
      const through = { ...proxyTarget(proxy), path: url.href, signal, agent: false };
      const all = { ...headers, host: url.host, ...proxyAuthorization(proxy) };
      return await answerTo(clientOf(proxy).request({ ...through, headers: all }));
    }
    const socket = await openTunnel(proxy, url, signal);
    const createConnection = () => tls.connect({ socket, servername: url.hostname });
    return await answerTo(https.request(url, { headers, signal, agent: false, createConnection }));
  } catch (cause) {
    if (signal?.aborted) throw new EarshotError('cancelled', 'The download was stopped.', { cause });
    if (cause instanceof EarshotError) throw cause;
    throw unreachable(url, (cause as NodeJS.ErrnoException).code ?? (cause as Error).message, cause);
  }
}

function answerTo(request: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', resolve);
    request.setTimeout(IDLE_TIMEOUT_MS, () => request.destroy(new Error('nothing came for 30 s')));
    request.end();
  });
}

/** A connection to the target through the proxy's CONNECT. */
function openTunnel(proxy: URL, target: URL, signal: AbortSignal | undefined): Promise<Socket> {
  const authority = `${target.hostname}:${target.port || 443}`;
  const headers = { host: authority, ...proxyAuthorization(proxy) };
  const request = clientOf(proxy).request({
    ...proxyTarget(proxy),
    method: 'CONNECT',
    path: authority,
    headers,
    signal,
    agent: false,
  });
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('connect', ({ statusCode = 0 }, socket) => {
      if (statusCode === 200) resolve(socket as Socket);
      else {
        socket.destroy();
        reject(unreachable(target, `the proxy ${proxy.host} answers ${statusCode}`));
      }
    });
    request.setTimeout(IDLE_TIMEOUT_MS, () => request.destroy(new Error('the proxy does not answer')));
    request.end();
  });
}

function clientOf(proxy: URL): typeof http | typeof https {
  return proxy.protocol === 'https:' ? https : http;
}

function proxyTarget({ protocol, hostname, port }: URL): { host: string; port: number } {
  return { host: hostname, port: Number(port || (protocol === 'https:' ? 443 : 80)) };
}

function proxyAuthorization({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}

function unreachable(url: URL, reason: string, cause?: unknown): EarshotError {
  const message = `${url.host} can't be reached (${reason}). Check the network and the proxy variables, then run the command again; on a machine without internet use --from with a folder that holds the files.`;
  return new EarshotError('server_unreachable', message, { subject: url.host, cause, retryable: true });
}
