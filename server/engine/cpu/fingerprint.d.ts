export function sourcesFingerprint(): string;
export function addonFingerprint(): string;
export const addonFile: URL;
export const addonStamp: URL;
export const wasmFile: URL;
export const wasmStamp: URL;
