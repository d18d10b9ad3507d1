//! How long it takes to understand what the kernel says about limits.

#![allow(clippy::expect_used, missing_docs, reason = "a benchmark stops where it cannot measure")]

use criterion::{Criterion, criterion_group, criterion_main};
use sky_rs::system_utils::{cpu_limit_v2, memory_limit, plain_float, total_memory};
use std::hint::black_box;
use std::time::Duration;

fn limits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("limits");
    for text in ["8", "4.7", "1e3"] {
        group.bench_function(format!("variable {text}"), |bencher| {
            bencher.iter(|| plain_float(black_box(text.as_bytes())));
        });
    }
    group.bench_function("cpu.max", |bencher| bencher.iter(|| cpu_limit_v2(black_box(b"250000 100000\n"))));
    group.bench_function("memory.max", |bencher| bencher.iter(|| memory_limit(black_box(b"17179869184\n"))));
    let names = ["MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "Active", "Inactive", "Shmem"];
    let mut meminfo = String::new();
    for name in names.into_iter().chain(std::iter::repeat_n("DirectMap", 44)) {
        meminfo.push_str(name);
        meminfo.push_str(":       16384 kB\n");
    }
    assert!(total_memory(meminfo.as_bytes()).is_some());
    group.bench_function("meminfo", |bencher| bencher.iter(|| total_memory(black_box(meminfo.as_bytes()))));
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = limits
}
criterion_main!(benches);
