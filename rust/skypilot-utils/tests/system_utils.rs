//! Limit files as kernels write them, and as nobody should.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test fails where it cannot go on")]

use sky_rs::system_utils::{
    Limit, cpu_limit_v1, cpu_limit_v2, has_idle_processor, memory_limit, parallel_threads, plain_float,
    plain_integer, running_tasks, total_memory, whole_part,
};

const MEMINFO: &str = "MemTotal:       16384 kB\nMemFree:        8192 kB\nMemAvailable:   9000 kB\n\
    Buffers:          10 kB\nCached:           20 kB\nActive:            1 kB\nInactive:          2 kB\n\
    Shmem:             0 kB\nHugePages_Total:       0\n";

#[test]
fn plain_numbers() {
    for (text, number) in
        [("4.7", 4.7), (" 8 ", 8.0), ("-0.5", -0.5), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("+2", 2.0)]
    {
        assert_eq!(plain_float(text.as_bytes()), Some(number));
    }
    for text in ["", " ", "nan", "inf", "1_000", "0x10", "1e400", "1 2", "e5", "\u{664}", "1\0"] {
        assert_eq!(plain_float(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(plain_integer(b" 42\n"), Some(42));
    assert_eq!(plain_integer(b"999999999999999999"), Some(999_999_999_999_999_999));
    for text in ["", "-1", "+1", "1.5", "1000000000000000000"] {
        assert_eq!(plain_integer(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(whole_part(-0.9), Some(0));
    assert_eq!(whole_part(1e16), None);
}

#[test]
fn quotas_of_version_2() {
    for (text, limit) in [
        ("max 100000\n", Limit::None),
        ("50000 100000\n", Limit::At(0)),
        ("250000 100000\n", Limit::At(2)),
        ("-1 100000\n", Limit::None),
        ("100000 0\n", Limit::Unclear),
        ("100000 nan\n", Limit::Unclear),
        ("max\n", Limit::Unclear),
        ("1 2 3\n", Limit::Unclear),
        ("", Limit::Unclear),
    ] {
        assert_eq!(cpu_limit_v2(text.as_bytes()), limit, "{text:?}");
    }
}

#[test]
fn quotas_of_version_1() {
    let limit = |quota: &str, period| cpu_limit_v1(quota.as_bytes(), || Ok::<_, ()>(period)).unwrap();
    assert_eq!(limit("300000\n", Some(100_000.0)), Limit::At(3));
    assert_eq!(limit("300000\n", Some(0.0)), Limit::None);
    assert_eq!(limit("300000\n", None), Limit::None);
    assert_eq!(limit("x", Some(1.0)), Limit::Unclear);
    // Without a quota the period does not matter, and is not asked for.
    assert_eq!(cpu_limit_v1(b"-1\n", || Err(())), Ok(Limit::None));
    assert_eq!(cpu_limit_v1(b"1\n", || Err(())), Err(()));
}

#[test]
fn memory_limits() {
    for (text, limit) in [
        ("max\n", Limit::None),
        ("", Limit::None),
        ("0\n", Limit::None),
        ("2147483648\n", Limit::At(2_147_483_648)),
        ("9223372036854771712\n", Limit::None),
        ("0000000000000000001\n", Limit::Unclear),
        ("-1\n", Limit::Unclear),
        ("1_000\n", Limit::Unclear),
    ] {
        assert_eq!(memory_limit(text.as_bytes()), limit, "{text:?}");
    }
}

#[test]
fn total_memory_of_a_usual_text() {
    assert_eq!(total_memory(MEMINFO.as_bytes()).unwrap().get(), 16384 * 1024);
}

#[test]
fn total_memory_is_left_to_python_when_anything_is_odd() {
    for (from, to) in [
        ("MemTotal:", "MemTotalled:"),
        ("MemFree:        8192", "MemFree:        none"),
        ("MemAvailable:   9000", "MemAvailable:   0"),
        ("Cached:           20 kB\n", ""),
        ("Shmem:             0 kB", "Shmem:\t0"),
        ("16384", "0"),
        ("HugePages_Total:       0\n", "HugePages_Total:       0"),
    ] {
        assert!(MEMINFO.contains(from));
        assert_eq!(total_memory(MEMINFO.replace(from, to).as_bytes()), None, "{to}");
    }
    assert_eq!(total_memory(b""), None);
}

#[test]
fn threads() {
    assert_eq!(parallel_threads(1, false), 4);
    assert_eq!(parallel_threads(9, false), 8);
    assert_eq!(parallel_threads(9, true), 32);
}

#[test]
fn running_tasks_of_loadavg() {
    assert_eq!(running_tasks(b"0.96 1.46 2.22 2/108 10108\n"), Some(2));
    assert_eq!(running_tasks(b"0.96 1.46 2.22\n"), None);
    assert_eq!(running_tasks(b""), None);
    let _ = has_idle_processor(); // whatever it says here, it must not fail
}
