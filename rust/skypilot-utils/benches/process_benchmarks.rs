//! How long it takes to look at processes and directories.

#![allow(clippy::expect_used, missing_docs, reason = "a benchmark stops where it cannot measure")]

use criterion::{Criterion, criterion_group, criterion_main};
use sky_rs::process_utils::{count_entries, workers_for};
use std::ffi::CString;
use std::hint::black_box;
use std::time::Duration;

#[cfg(target_os = "linux")]
fn processes(criterion: &mut Criterion) {
    use sky_rs::process_utils::is_process_alive;
    let mut group = criterion.benchmark_group("is_process_alive");
    let own = std::process::id().cast_signed();
    group.bench_function("alive", |bencher| bencher.iter(|| is_process_alive(black_box(own))));
    group.bench_function("gone", |bencher| bencher.iter(|| is_process_alive(black_box(i32::MAX))));
}

#[cfg(not(target_os = "linux"))]
fn processes(_: &mut Criterion) {}

fn directories(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("entries of a directory");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = CString::new(folder.path().to_str().expect("a plain name")).expect("no zero byte");
    let mut entries = 0;
    for size in [10, 1000] {
        while entries < size {
            std::fs::write(folder.path().join(format!("file{entries}")), "").expect("room for a file");
            entries += 1;
        }
        for (name, enough) in [("all", u64::MAX), ("at most 93", 93)] {
            group.bench_function(format!("{name} of {size}"), |bencher| {
                bencher.iter(|| count_entries(black_box(&path), enough));
            });
        }
    }
    group.bench_function("workers", |bencher| bencher.iter(|| workers_for(black_box(1024), black_box(50))));
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = processes, directories
}
criterion_main!(benches);
