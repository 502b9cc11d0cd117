// A file system in memory that forgets everything that was not synced. `loseAt(n)` lets n more operations happen, then
// every operation fails. `restart()` gives the disk after the power came back: any of the changes that no sync covered
// may have survived, a rename as a whole. An unsynced file holds any prefix of its written bytes, or has its length and
// zeros in places. A sync of a file that fails reports its error once: what it was to write counts as written from then on.
import { basename, dirname } from 'node:path';
import type { FileLayer, OpenFile } from '../../lib/storage/embedded/file-layer.ts';

/** `isLost` after a sync that failed, until something is written again. */
type File = { readonly kind: 'file'; bytes: Buffer; synced: Buffer; isLost?: boolean };
type Folder = {
  readonly kind: 'folder';
  names: Map<string, Node>;
  synced: Map<string, Node>;
  /** The renames that no sync covers: to which name from which. */
  renamed: Map<string, string>;
};
type Node = File | Folder;

const newFolder = (): Folder => ({ kind: 'folder', names: new Map(), synced: new Map(), renamed: new Map() });

export type PowerLossFiles = FileLayer & {
  loseAt(operations: number): void;
  restart(): void;
  /** The next sync of a file fails. */
  failSync(): void;
  /** The number of operations since the last start. */
  readonly operations: number;
};

/** `chance` gives numbers in [0, 1), which decide what survives. */
export function createPowerLossFiles(chance: () => number): PowerLossFiles {
  let root = newFolder();
  let operations = 0;
  let lostAt = Number.POSITIVE_INFINITY;
  let isFailing = false;

  /** One step runs later than its call, as on a disk, so that calls interleave. */
  async function step<T>(work: () => T): Promise<T> {
    for (let turns = Math.floor(chance() * 4); turns > 0; turns--) await undefined;
    return stepNow(work);
  }

  function stepNow<T>(work: () => T): T {
    if (operations++ >= lostAt) throw failure('EIO');
    return work();
  }

  function sync(node: Node): void {
    if (node.kind === 'folder') {
      Object.assign(node, { synced: new Map(node.names), renamed: new Map() });
    } else if (isFailing) {
      isFailing = false;
      node.isLost = true;
      throw failure('EIO');
    } else if (!node.isLost) node.synced = node.bytes;
  }

  const parentOf = (path: string) => folderAt(root, dirname(path));

  return {
    get operations() {
      return operations;
    },
    loseAt(count) {
      lostAt = count;
    },
    restart() {
      root = afterLoss(root, chance);
      operations = 0;
      lostAt = Number.POSITIVE_INFINITY;
      isFailing = false;
    },
    failSync() {
      isFailing = true;
    },
    open: (path, flags) =>
      step(() => openFile(flags === 'w' ? create(parentOf(path), path) : nodeAt(root, path), step, sync)),
    openFolderSync: (path) =>
      openFile(
        stepNow(() => nodeAt(root, path)),
        step,
        sync,
      ),
    readSync: (path, into, position) =>
      stepNow(() => fileOf(nodeAt(root, path)).bytes.copy(into, 0, position, position + into.length)),
    rename: (from, to) => step(() => rename(parentOf(from), parentOf(to), from, to)),
    existsSync: (path) => {
      try {
        return stepNow(() => parentOf(path).names.has(basename(path)));
      } catch (error) {
        if ((error as { code?: string }).code === 'ENOENT') return false;
        throw error;
      }
    },
    unlink: (path) => step(() => removeName(parentOf(path), path)),
    mkdir: (path) => step(() => addName(parentOf(path), path, newFolder())),
    rmdirSync: (path) =>
      stepNow(() => {
        if (folderAt(root, path).names.size > 0) throw failure('ENOTEMPTY');
        removeName(parentOf(path), path);
      }),
    readdir: (path) => step(() => [...folderAt(root, path).names.keys()]),
    stat: (path) => step(() => infoOf(nodeAt(root, path))),
  };
}

function openFile(node: Node, step: <T>(work: () => T) => Promise<T>, sync: (node: Node) => void): OpenFile {
  let at = 0;
  return {
    writev: (chunks) =>
      step(() => {
        // The writer takes one chunk at a time, so the caller must continue with the rest.
        const [chunk] = chunks;
        const file = fileOf(node);
        const behind = at + chunk!.byteLength;
        file.bytes = Buffer.concat([file.bytes.subarray(0, at), chunk!, file.bytes.subarray(behind)]);
        file.isLost = false;
        at = behind;
        return { bytesWritten: chunk!.byteLength };
      }),
    read: (into, offset, length, position) =>
      step(() => ({ bytesRead: fileOf(node).bytes.copy(into, offset, position, position + length) })),
    stat: () => step(() => infoOf(node)),
    sync: () => step(() => sync(node)),
    close: () => step(() => undefined),
  };
}

function afterLoss(folder: Folder, chance: () => number): Folder {
  const left = newFolder();
  const coins = new Map<string, boolean>();
  const coin = (name: string): boolean => {
    if (!coins.has(name)) coins.set(name, chance() < 0.5);
    return coins.get(name)!;
  };
  const survives = (name: string) =>
    folder.names.get(name) === folder.synced.get(name) ? true : coin(folder.renamed.get(name) ?? name);
  for (const name of new Set([...folder.names.keys(), ...folder.synced.keys()])) {
    const node = (survives(name) ? folder.names : folder.synced).get(name);
    if (node) left.names.set(name, node.kind === 'folder' ? afterLoss(node, chance) : tornFile(node, chance));
  }
  left.synced = new Map(left.names);
  return left;
}

function tornFile({ bytes, synced }: File, chance: () => number): File {
  // To write the same bytes again in their place changes nothing.
  const left = bytes.equals(synced) ? synced : chance() < 0.3 ? holed(bytes, chance) : cut(bytes, chance);
  return { kind: 'file', bytes: left, synced: left };
}

const cut = (bytes: Buffer, chance: () => number) => bytes.subarray(0, Math.floor(chance() * (bytes.byteLength + 1)));

function holed(bytes: Buffer, chance: () => number): Buffer {
  const from = Math.floor(chance() * bytes.byteLength);
  const length = 1 + Math.floor(chance() * (bytes.byteLength - from));
  return Buffer.from(bytes).fill(0, from, Math.min(from + length, bytes.byteLength));
}

function nodeAt(root: Folder, path: string): Node {
  if (path === '/') return root;
  const node = folderAt(root, dirname(path)).names.get(basename(path));
  if (!node) throw failure('ENOENT');
  return node;
}

function folderAt(root: Folder, path: string): Folder {
  const node = nodeAt(root, path);
  if (node.kind !== 'folder') throw failure('ENOTDIR');
  return node;
}

function fileOf(node: Node): File {
  if (node.kind !== 'file') throw failure('EISDIR');
  return node;
}

/** A file that is there already loses its bytes. */
function create(parent: Folder, path: string): File {
  const found = parent.names.get(basename(path));
  if (found) return Object.assign(fileOf(found), { bytes: Buffer.alloc(0) });
  const file: File = { kind: 'file', bytes: Buffer.alloc(0), synced: Buffer.alloc(0) };
  addName(parent, path, file);
  return file;
}

function addName(parent: Folder, path: string, node: Node): void {
  if (parent.names.has(basename(path))) throw failure('EEXIST');
  parent.names.set(basename(path), node);
}

function rename(parent: Folder, newParent: Folder, from: string, to: string): void {
  if (parent !== newParent) throw failure('EXDEV');
  const node = parent.names.get(basename(from));
  if (!node) throw failure('ENOENT');
  parent.names.delete(basename(from));
  parent.names.set(basename(to), node);
  parent.renamed.set(basename(to), basename(from));
}

function removeName(parent: Folder, path: string): void {
  if (!parent.names.delete(basename(path))) throw failure('ENOENT');
}

const infoOf = (node: Node) => ({ size: node.kind === 'file' ? node.bytes.byteLength : 0, mtimeMs: 1 });

const failure = (code: string) => Object.assign(new Error(code), { code });
