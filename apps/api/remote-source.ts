/**
 * Files given by URL. The address is checked at the moment of connecting, after the name has been resolved and on
 * each redirect, so that neither a private address nor a name that points at one can be reached through us.
 */
import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { posix } from 'node:path';
import { EarshotError } from '#core/errors';
import type { ApiContext } from './context.ts';
import { isPublicAddress } from './public-address.ts';
import { type ReceivedFile, writeLimited } from './uploads.ts';

const MAX_REDIRECTS = 5;
const IDLE_TIMEOUT_MS = 20_000;
const TOTAL_TIMEOUT_MS = 15 * 60_000;

/**
 * Downloads a URL to `path`.
 *
 * @throws EarshotError `invalid_argument` for other schemes, `forbidden` for addresses outside the public
 *   internet, `file_unreadable` when it doesn't answer with a file, `payload_too_large`, `timeout`
 */
export async function fetchToFile(
  url: string,
  path: string,
  context: Pick<ApiContext, 'maxUploadBytes' | 'allowPrivateUrls'>,
  signal?: AbortSignal,
): Promise<ReceivedFile> {
  const deadline = AbortSignal.timeout(TOTAL_TIMEOUT_MS);
  const stop = signal ? AbortSignal.any([signal, deadline]) : deadline;
  let target = parseUrl(url);
  try {
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const response = await open(target, context.allowPrivateUrls, stop);
      const status = response.statusCode ?? 0;
      if (status >= 300 && status < 400 && response.headers.location) {
        response.destroy();
        target = parseUrl(response.headers.location, target);
        continue;
      }
      if (status !== 200) {
        response.destroy();
        throw unreadable(target, `it answers with status ${status}`);
      }
      const sizeBytes = await writeLimited(response, path, context.maxUploadBytes);
      return { path, fileName: fileNameOf(target), sizeBytes };
    }
    throw unreadable(target, `it redirects more than ${MAX_REDIRECTS} times`);
  } catch (error) {
    if (error instanceof EarshotError) throw error;
    if (deadline.aborted)
      throw new EarshotError('timeout', 'The URL took too long to download.', { subject: 'url' });
    if (signal?.aborted) throw new EarshotError('cancelled', 'The download was cancelled.', { cause: error });
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw unreadable(target, `it can't be downloaded (${reason})`, error);
  }
}

function parseUrl(text: string, base?: URL): URL {
  if (!URL.canParse(text, base)) {
    throw new EarshotError('invalid_argument', 'The url is not a URL.', { subject: 'url' });
  }
  const url = new URL(text, base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    const message = `Only http and https URLs are fetched, not ${url.protocol}//; upload the file instead.`;
    throw new EarshotError('invalid_argument', message, { subject: 'url' });
  }
  if (url.username !== '' || url.password !== '') {
    throw new EarshotError('invalid_argument', 'A URL with a user name or password is not fetched.', {
      subject: 'url',
    });
  }
  return url;
}

function open(url: URL, allowPrivate: boolean, signal: AbortSignal): Promise<IncomingMessage> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // A literal address is connected to without a lookup.
  if (!allowPrivate && isIP(host) !== 0 && !isPublicAddress(host)) throw notPublic(host);
  const get = url.protocol === 'https:' ? httpsGet : httpGet;
  const options = { signal, timeout: IDLE_TIMEOUT_MS, ...(allowPrivate ? {} : { lookup: publicLookup }) };
  return new Promise((resolve, reject) => {
    const request = get(url, options, resolve);
    request.on('timeout', () => request.destroy(Object.assign(new Error('idle'), { code: 'ETIMEDOUT' })));
    request.on('error', reject);
  });
}

const publicLookup: LookupFunction = (hostname, options, callback) => {
  dnsLookup(hostname, { ...options, all: true }, (error, found) => {
    if (error) return callback(error, '');
    const addresses = found as LookupAddress[];
    const first = addresses[0];
    // One private address among public ones is refused too: which one is taken is not ours to say.
    if (!first || !addresses.every(({ address }) => isPublicAddress(address))) {
      return callback(notPublic(hostname) as NodeJS.ErrnoException, '');
    }
    if (options.all) return callback(null, addresses);
    return callback(null, first.address, first.family);
  });
};

function notPublic(host: string): EarshotError {
  const message = `The address ${host} is not in the public internet; upload the file instead.`;
  return new EarshotError('forbidden', message, { subject: 'url' });
}

function unreadable(url: URL, reason: string, cause?: unknown): EarshotError {
  return new EarshotError('file_unreadable', `${url.host} has no such file to give: ${reason}.`, {
    subject: 'url',
    cause,
  });
}

function fileNameOf(url: URL): string {
  const last = posix.basename(url.pathname);
  try {
    return decodeURIComponent(last) || url.hostname;
  } catch {
    return last || url.hostname;
  }
}
