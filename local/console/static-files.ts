// Serves the built page. All files are read once into a map, and a request finds its file by its name in that map.
// Invariant: no part of a request becomes a path of the file system.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { HttpApi, HttpResult } from '../../http/http-event.ts';
import { problemResult } from '../../http/problem.ts';
import { RivuletError } from '../../lib/api/errors.ts';
import { guarded, isFilterWorker } from './page-headers.ts';

type Files = ReadonlyMap<string, Uint8Array>;

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/**
 * @param folder resolves with the folder of the built page, when it is ready. It is called again after a failure.
 * @param onFailure gets the reason why there is no page, as one line: the browser that shows it may be closed already.
 */
export function staticFiles(folder: () => Promise<string>, onFailure: (line: string) => void): HttpApi {
  let files: Promise<Files> | undefined;
  const read = (): Promise<Files> => {
    files ??= folder()
      .then(readAll)
      .catch((error: Error) => {
        files = undefined;
        const line = `the page of the console cannot be had: ${error.message}`;
        onFailure(line);
        throw new RivuletError('UNKNOWN_SERVER_ERROR', line);
      });
    return files;
  };
  return async ({ rawPath, requestContext: { http, requestId } }) => {
    try {
      if (http.method !== 'GET' && http.method !== 'HEAD') throw notAllowed(rawPath, http.method);
      return fileResult(await read(), rawPath.slice('/console/'.length));
    } catch (error) {
      const problem = problemResult(error, requestId);
      return { ...problem, headers: guarded(problem.headers) };
    }
  };
}

function notAllowed(path: string, method: string): RivuletError {
  const allow = 'GET, HEAD';
  return new RivuletError('METHOD_NOT_ALLOWED', `${path} takes ${allow}, got ${method}`, { extra: { allow } });
}

async function readAll(folder: string): Promise<Files> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const named = async (file: string) =>
    [path.relative(folder, file).replaceAll(path.sep, '/'), await readFile(file)] as const;
  return new Map(await Promise.all(names.map(named)));
}

/** Every address that is no asset is one of the page's own routes, so it gets the page. */
function fileResult(files: Files, name: string): HttpResult {
  const isAsset = name.startsWith('assets/');
  const found = isAsset ? name : 'index.html';
  const body = files.get(found);
  if (!body) throw new RivuletError('NOT_FOUND', `There is nothing at /console/${name}`);
  const headers = {
    'content-type': types[path.extname(found)] ?? 'application/octet-stream',
    // The names of assets change with their content.
    'cache-control': isAsset ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
  return { statusCode: 200, headers: guarded(headers, { worker: isFilterWorker(found) }), body: [body] };
}
