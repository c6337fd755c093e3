export const repository: string;
export const bundleFolder: string;
export function isBundled(folder?: string, root?: string): boolean;
