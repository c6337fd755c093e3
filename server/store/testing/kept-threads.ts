import { openStore, type Store, type StoreOptions } from "../store.ts";
import { StoreThread } from "../thread.ts";

/** Of stores that are closed. To start one takes longer than most tests have to do with it. */
const idle: StoreThread[] = [];

/** As `openStore`, in a thread that another store has left, if there is one. */
export async function openStoreAgain(options: StoreOptions): Promise<Store> {
  const thread = idle.pop() ?? new StoreThread();
  let closed: Promise<void> | undefined;
  const leave = () => {
    if (!thread.hasEnded) idle.push(thread);
  };
  let store: Store;
  try {
    store = await openStore({ ...options, thread });
  } catch (error) {
    leave();
    throw error;
  }
  const close = store.close.bind(store);
  store.close = (end) => {
    closed ??= close(end).finally(leave);
    return closed;
  };
  return store;
}
