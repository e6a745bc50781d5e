// Numbers as text. All functions take null for an unknown value and return a dash for it.

const UNKNOWN = "–";
const known = (value) => typeof value === "number" && Number.isFinite(value);

/** A number with thousands separators and about three significant digits. */
function number(value) {
  if (!known(value)) return UNKNOWN;
  const size = Math.abs(value);
  const places = size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString("en-GB", { maximumFractionDigits: places });
}

/** A count. */
const count = (value) => (known(value) ? Math.round(value).toLocaleString("en-GB") : UNKNOWN);

/** A count and its noun: "1 page", "2 pages". */
const counted = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

/** Milliseconds, in the unit that reads best. */
function milliseconds(value) {
  if (!known(value)) return UNKNOWN;
  if (value !== 0 && Math.abs(value) < 1) return `${number(value * 1000)} µs`;
  return Math.abs(value) >= 1000 ? `${number(value / 1000)} s` : `${number(value)} ms`;
}

/** Microseconds, in the unit that reads best. */
const microseconds = (value) => milliseconds(known(value) ? value / 1000 : value);

/** Seconds, in the unit that reads best. */
function seconds(value) {
  if (!known(value)) return UNKNOWN;
  if (value < 1) return milliseconds(value * 1000);
  if (value < 120) return `${number(value)} s`;
  const whole = Math.round(value / 60);
  return whole < 120 ? `${whole} min` : `${Math.floor(whole / 60)} h ${whole % 60} min`;
}

/** Bytes, in powers of 1,024, as in the terminal. */
function bytes(value) {
  if (!known(value)) return UNKNOWN;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let scaled = value;
  let unit = 0;
  while (scaled >= 1024 && unit < units.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  return `${number(scaled)} ${units[unit]}`;
}

/** A factor, such as 1.30×. */
const times = (value) => (known(value) ? `${value.toLocaleString("en-GB", { minimumFractionDigits: value < 10 ? 2 : 1, maximumFractionDigits: value < 10 ? 2 : 1 })}×` : UNKNOWN);

/** A share between 0 and 1, in percent. */
const percent = (value) => (known(value) ? `${number(Math.round(value * 1000) / 10)} %` : UNKNOWN);

/** A percentile as people write it: p50, p99.9. */
const percentile = (value) => (value >= 100 ? "max" : `p${value}`);

/** A median with its interval. */
function interval(value, shown = number) {
  if (!value || !known(value.median)) return UNKNOWN;
  if (!known(value.low) || !known(value.high)) return shown(value.median);
  return `${shown(value.median)} (${shown(value.low)} to ${shown(value.high)})`;
}

/** A list of names: "a", "a and b", "a, b and c". */
function listed(names) {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** Short numbers for the ticks of an axis: 0, 500, 1k, 2.5M. */
function tick(value) {
  const size = Math.abs(value);
  const short = (scaled, unit) => `${+scaled.toPrecision(3)}${unit}`;
  if (size >= 1e9) return short(value / 1e9, "G");
  if (size >= 1e6) return short(value / 1e6, "M");
  return size >= 1000 ? short(value / 1000, "k") : short(value, "");
}

/** Ticks of an axis on which only whole numbers have a meaning. */
const wholeTick = (value) => (Number.isInteger(value) ? tick(value) : "");

/** At most `length` characters, with the middle left out. */
function shortened(text, length) {
  const letters = Array.from(String(text));
  if (letters.length <= length) return letters.join("");
  const tail = Math.floor((length - 1) / 2);
  return `${letters.slice(0, length - 1 - tail).join("")}…${letters.slice(-tail).join("")}`;
}
