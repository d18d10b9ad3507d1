//! Limits on processors and memory, read from what the kernel shows as files. Nothing here knows Python.

use std::num::NonZero;

/// What a limit file says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit<T> {
    /// At most this much.
    At(T),
    /// No limit.
    None,
    /// Text that this module does not read; the Python twin decides what it means.
    Unclear,
}

/// Read a number spelled with ASCII digits, sign, point and exponent only, spaces around it allowed.
///
/// Python reads more (underscores, other scripts' digits, `nan`); for those, and for nonsense, `None`.
#[must_use]
pub fn plain_float(text: &[u8]) -> Option<f64> {
    if text.len() <= 15 {
        if let Some(whole) = plain_integer(text) {
            #[expect(clippy::cast_precision_loss, reason = "15 digits fit")]
            return Some(whole as f64);
        }
    }
    let text = text.trim_ascii();
    if !text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
        return None;
    }
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    number.is_finite().then_some(number)
}

/// Read a whole number spelled with at most 18 ASCII digits, spaces around it allowed.
#[must_use]
pub fn plain_integer(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii();
    if text.is_empty() || text.len() > 18 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// The whole part of `number`, as Python's `int()`, where 64 bits surely hold it.
#[must_use]
pub fn whole_part(number: f64) -> Option<i64> {
    (number.abs() < 9.0e15).then_some(number as i64)
}

/// The processors that a quota allows, in whole ones.
fn whole_processors(quota: f64, period: f64) -> Limit<i64> {
    whole_part(quota / period).map_or(Limit::Unclear, Limit::At)
}

/// Read a control group's `cpu.max` (version 2): a quota or `max`, and a period.
#[must_use]
pub fn cpu_limit_v2(text: &[u8]) -> Limit<i64> {
    let mut fields = text.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let (Some(quota), Some(period), None) = (fields.next(), fields.next(), fields.next()) else {
        return Limit::Unclear;
    };
    if quota == b"max" {
        return Limit::None;
    }
    match (plain_float(quota), plain_float(period)) {
        (Some(quota), Some(_)) if quota <= 0.0 => Limit::None,
        (Some(quota), Some(period)) if period != 0.0 => whole_processors(quota, period),
        _ => Limit::Unclear,
    }
}

/// Read a control group's quota and period (version 1). The period is asked for only when it matters.
///
/// `None` from `period` means that its file could not be read, which is no limit.
pub fn cpu_limit_v1<E>(
    quota: &[u8],
    period: impl FnOnce() -> Result<Option<f64>, E>,
) -> Result<Limit<i64>, E> {
    Ok(match plain_float(quota) {
        None => Limit::Unclear,
        Some(quota) if quota <= 0.0 => Limit::None,
        Some(quota) => match period()? {
            Some(period) if period > 0.0 => whole_processors(quota, period),
            _ => Limit::None,
        },
    })
}

/// Read a control group's memory limit in bytes, `memory.max` or `memory.limit_in_bytes`.
#[must_use]
pub fn memory_limit(text: &[u8]) -> Limit<u64> {
    match text.trim_ascii() {
        b"" | b"max" => Limit::None,
        // Version 1 spells "no limit" with 19 digits, more than any machine has.
        text if text.len() == 19 && text[0] != b'0' && text.iter().all(u8::is_ascii_digit) => Limit::None,
        text => match plain_integer(text) {
            Some(0) => Limit::None,
            Some(bytes) => Limit::At(bytes),
            None => Limit::Unclear,
        },
    }
}

/// The fields that psutil wants of `/proc/meminfo`; it warns where one is missing.
const MEMORY_FIELDS: [&[u8]; 8] = [
    b"MemTotal:",
    b"MemFree:",
    b"MemAvailable:",
    b"Buffers:",
    b"Cached:",
    b"Shmem:",
    b"Active:",
    b"Inactive:",
];

/// The machine's memory in bytes from the text of `/proc/meminfo`; `None` unless all of it is as usual.
#[must_use]
pub fn total_memory(meminfo: &[u8]) -> Option<NonZero<u64>> {
    let mut seen = 0_u8;
    let mut total = 0;
    for line in meminfo.strip_suffix(b"\n")?.split(|&byte| byte == b'\n') {
        let colon = memchr::memchr(b' ', line)?;
        let (name, value) = line.split_at(colon);
        let value = value.trim_ascii();
        let value = plain_integer(value.strip_suffix(b" kB").unwrap_or(value))?;
        // Most lines are not wanted, and all names end in a colon: look at length and first letter first.
        if name.len() > 13 || !matches!(name.first(), Some(b'M' | b'B' | b'C' | b'S' | b'A' | b'I')) {
            continue;
        }
        if let Some(field) = MEMORY_FIELDS.iter().position(|wanted| *wanted == name) {
            if field < 3 && value == 0 {
                return None;
            }
            if field == 0 {
                total = value;
            }
            seen |= 1 << field;
        }
    }
    if seen != u8::MAX {
        return None;
    }
    NonZero::new(total.checked_mul(1024)?)
}

/// The number of threads for `processors`, four times as many on Kubernetes.
#[must_use]
pub fn parallel_threads(processors: i64, kubernetes: bool) -> i64 {
    processors.saturating_sub(1).max(4).saturating_mul(if kubernetes { 4 } else { 1 })
}

/// Whether a processor is idle just now, for work in a second thread. Where it cannot be told, no.
#[must_use]
pub fn has_idle_processor() -> bool {
    let allowed = std::thread::available_parallelism().map_or(1, NonZero::get);
    let load = std::fs::read("/proc/loadavg").unwrap_or_default();
    running_tasks(&load).is_some_and(|running| running < allowed as u64)
}

/// How many tasks run or wait for a processor, this one included, from the text of `/proc/loadavg`.
#[must_use]
pub fn running_tasks(loadavg: &[u8]) -> Option<u64> {
    let tasks = loadavg.split(|&byte| byte == b' ').nth(3)?;
    plain_integer(&tasks[..memchr::memchr(b'/', tasks)?])
}
