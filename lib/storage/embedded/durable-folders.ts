// These are the folders of the file object store. A folder counts as made only when its name in its parent is synced, and so
// on up to the root. Otherwise a power failure could take a synced file away together with its folder. Empty folders are
// removed, but never while a put is under way in or below them.
import { dirname } from 'node:path';
import { cannotSync, type FileLayer, hasCode } from './file-layer.ts';

export type DurableFolders = {
  /** Makes the folder and its parents below the root, or joins a call that is making them already. */
  make(folder: string): Promise<void>;
  /** Makes durable which names are in the folder, which the caller holds. Callers share syncs. */
  sync(folder: string): Promise<void>;
  /** The folder is not removed until the caller calls the returned function. */
  hold(folder: string): () => void;
  /** Removes the folder and its parents below the root, as far as they are empty and no put holds them. */
  prune(folder: string): void;
};

/** The parents of `root` and the folders above them are also made if they are missing. */
export function createDurableFolders(fs: FileLayer, root: string): DurableFolders {
  const made = new Map<string, Promise<void>>();
  const holders = new Map<string, number>();
  const sync = createSharedSyncs((folder) => syncFolder(fs, folder));

  function make(folder: string): Promise<void> {
    const known = made.get(folder);
    if (known !== undefined) return known;
    const making = folder === root ? makeRoot(fs, root) : makeBelow(folder);
    made.set(folder, making);
    making.catch(() => made.delete(folder));
    return making;
  }

  async function makeBelow(folder: string): Promise<void> {
    await make(dirname(folder));
    // This also runs when the folder exists, because a process that died may have made it and not synced its name.
    await makeOne(fs, folder);
    await syncFolder(fs, dirname(folder));
  }

  function hold(folder: string): () => void {
    const held = upTo(root, folder);
    for (const one of held) holders.set(one, (holders.get(one) ?? 0) + 1);
    return () => {
      for (const one of held) {
        const count = holders.get(one)! - 1;
        if (count === 0) holders.delete(one);
        else holders.set(one, count);
      }
    };
  }

  function prune(folder: string): void {
    for (const one of upTo(root, folder)) {
      if (holders.has(one) || !removeIfEmpty(fs, one)) return;
      made.delete(one);
    }
  }

  return { make, sync, hold, prune };
}

type Sync = (folder: string) => Promise<void>;
type Group = { readonly underWay: Promise<void>; next?: Promise<void> };

/**
 * Callers of one folder share syncs: one is under way, and the next covers all that came meanwhile. They hold the folder, so
 * that no caller gets the sync of a folder that was removed and made again.
 */
function createSharedSyncs(sync: Sync): Sync {
  const groups = new Map<string, Group>();

  function begin(folder: string): Promise<void> {
    const group: Group = { underWay: sync(folder) };
    groups.set(folder, group);
    const end = () => void (group.next || groups.delete(folder));
    group.underWay.then(end, end);
    return group.underWay;
  }

  return (folder) => {
    const group = groups.get(folder);
    if (!group) return begin(folder);
    const after = () => begin(folder);
    // The one under way may have begun before this caller's name was in the folder.
    group.next ??= group.underWay.then(after, after);
    return group.next;
  };
}

/** Returns the folder and its parents, without the root. */
function upTo(root: string, folder: string): string[] {
  return folder === root ? [] : [folder, ...upTo(root, dirname(folder))];
}

/**
 * Syncs all the way from the top, because a process that died may have made any of these folders. A folder that we may
 * not open is one that we did not make.
 */
async function makeRoot(fs: FileLayer, root: string): Promise<void> {
  const parent = dirname(root);
  if (parent === root) return;
  await makeRoot(fs, parent);
  await makeOne(fs, root);
  await syncFolder(fs, parent).catch((error) => {
    if (!hasCode(error, 'EACCES', 'EPERM')) throw error;
  });
}

async function makeOne(fs: FileLayer, folder: string): Promise<void> {
  try {
    await fs.mkdir(folder);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}

function removeIfEmpty(fs: FileLayer, folder: string): boolean {
  try {
    fs.rmdirSync(folder);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOENT')) return false;
    throw error;
  }
}

/** Windows cannot open a folder. NTFS journals names by itself. */
async function syncFolder(fs: FileLayer, folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const opened = fs.openFolderSync(folder);
  try {
    await opened.sync();
  } catch (error) {
    if (!cannotSync(error)) throw error;
  } finally {
    await opened.close();
  }
}
