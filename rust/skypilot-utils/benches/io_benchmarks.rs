//! How long reading takes without Python around it.

#![allow(clippy::expect_used, missing_docs, reason = "a benchmark stops where it cannot measure")]

use criterion::{Criterion, criterion_group, criterion_main};
use sky_rs::io_utils::{Tail, end_line, fill, open_to_read};
use std::ffi::{CStr, CString};
use std::hint::black_box;
use std::io::Write;
use std::time::Duration;
use tempfile::NamedTempFile;

fn file_of(lines: usize) -> (NamedTempFile, CString) {
    let line = b"2024-01-01 12:00:00 INFO some.module: a line of a log, of some hundred characters in all, more or less\n";
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(&line.repeat(lines)).expect("room for it");
    let path = CString::new(file.path().to_str().expect("a plain name")).expect("no zero byte");
    (file, path)
}

fn read_tail(path: &CStr, count: u64) -> usize {
    let mut tail = Tail::find(path, count).expect("a file").expect("with content");
    let mut bytes = 0;
    for index in 0..tail.lines {
        let length = loop {
            match tail.line_length() {
                Some(length) => break length,
                None => tail.read_on().expect("more of the file"),
            }
        };
        let is_last = index + 1 == tail.lines;
        bytes += end_line(tail.take(length), is_last).len();
    }
    bytes
}

fn tails(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read_last_n_lines");
    let (_file, path) = file_of(100_000);
    for count in [1, 10, 1000, 100_000] {
        group.bench_function(format!("{count} of 100000 lines"), |bencher| {
            bencher.iter(|| read_tail(black_box(&path), count));
        });
    }
}

fn whole_files(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hash_file, reading alone");
    for lines in [10, 10_000] {
        let (_file, path) = file_of(lines);
        let mut buffer = vec![0; 256 * 1024];
        group.bench_function(format!("{lines} lines"), |bencher| {
            bencher.iter(|| {
                let (file, _) = open_to_read(black_box(&path)).expect("a file");
                while fill(&file, &mut buffer).expect("bytes") == buffer.len() {}
            });
        });
    }
}

#[cfg(target_os = "linux")]
fn ports(criterion: &mut Criterion) {
    use sky_rs::io_utils::find_free_port;
    criterion.bench_function("find_free_port", |bencher| bencher.iter(|| find_free_port(black_box(0))));
}

#[cfg(not(target_os = "linux"))]
fn ports(_: &mut Criterion) {}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = tails, whole_files, ports
}
criterion_main!(benches);
