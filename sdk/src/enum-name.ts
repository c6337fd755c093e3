/** The name of a proto's number; undefined for one that is newer than this SDK. */
export function nameOf<K extends string>(names: Readonly<Record<K, number>>, value: number): K | undefined {
  return (Object.keys(names) as K[]).find((name) => names[name] === value);
}
