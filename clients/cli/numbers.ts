/** Numbers as people read them. What is absent is a dash, never 0. */

const absent = "-";

/** 12,300 */
export function count(value: number | undefined): string {
  return value === undefined ? absent : Math.round(value).toLocaleString("en-US");
}

/** Four significant digits: 3.135, 0.0123, 1.20e-6. */
export function measure(value: number | undefined): string {
  if (value === undefined) return absent;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (!(size >= 1e-3 && size < 1e4)) return value.toExponential(2);
  return value.toPrecision(4);
}

/** 97.16%; 100% only when it is all. */
export function percent(share: number | undefined): string {
  if (share === undefined) return absent;
  if (share === 0 || share === 1) return `${share * 100}%`;
  return `${Math.min(Math.max(share * 100, 0.01), 99.99).toFixed(2)}%`;
}

/** 8.4k, for where there is little room. */
export function short(value: number): string {
  if (value < 10) return value.toFixed(1);
  return value < 1_000 ? value.toFixed(0) : `${(value / 1_000).toFixed(value < 100_000 ? 1 : 0)}k`;
}

/** 80 ms, 2.4 s, 3 min 20 s, 2 h 5 min, 3 d 4 h */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3_600)} h`;
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A learning rate or a scale as it was written: 5e-5, 0.1. */
export function setting(value: number): string {
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : String(value);
}

/** 512 B, 48.2 kB, 3.1 MB, in powers of 1,000 as disks have it. */
export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  const power = Math.min(units.length, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1_000 ** power;
  return `${value < 100 ? value.toFixed(1) : Math.round(value)} ${units[power - 1]}`;
}

/** In the largest unit that it has one of, for what is to be skimmed: 12 s, 3 min, 5 h, 2 d. */
export function age(time: Date | undefined): string {
  if (time === undefined) return "";
  const seconds = Math.max(0, (Date.now() - time.getTime()) / 1_000);
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
