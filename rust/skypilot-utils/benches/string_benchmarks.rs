//! How long the text work takes without Python around it.

#![allow(clippy::expect_used, missing_docs, reason = "a benchmark stops where it cannot measure")]

use criterion::{Criterion, criterion_group, criterion_main};
use sky_rs::string_utils::{
    base36_encode, cut_end, cut_middle, decode_utf8, format_fraction, format_integer,
};
use std::hint::black_box;
use std::time::Duration;

fn base36(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("base36_encode");
    let hex = "0123456789abcdef".repeat(6250);
    for digits in [8, 32, 64, 4096, 100_000] {
        group.bench_function(format!("{digits} hex digits"), |bencher| {
            bencher.iter(|| base36_encode(black_box(&hex.as_bytes()[hex.len() - digits..]), <[u8]>::len));
        });
    }
}

fn numbers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("format_float");
    group.bench_function("whole", |bencher| {
        bencher.iter(|| format_integer(black_box(1_234_567), <[u8]>::len));
    });
    for (name, number) in [("fraction", 2.34567), ("tiny", 1e-300)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| format_fraction(black_box(number), black_box(1), <[u8]>::len));
        });
    }
}

fn cuts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("truncate_long_string");
    let text = "word ".repeat(2000);
    group.bench_function("end of 2000 words", |bencher| {
        bencher.iter(|| {
            let text = black_box(text.as_bytes());
            cut_end(text.len(), 35, |from| memchr::memchr(b' ', &text[from..]).map(|found| from + found))
        });
    });
    group.bench_function("middle", |bencher| bencher.iter(|| cut_middle(black_box(35))));
}

fn lines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode_utf8");
    for (name, line) in
        [("ascii", "a log line of plain text "), ("cyrillic", "строка журнала "), ("cjk", "日本語の行")]
    {
        let line = line.repeat(4);
        let mut points = Vec::new();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                points.clear();
                decode_utf8(black_box(line.as_bytes()), &mut points)
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = base36, numbers, cuts, lines
}
criterion_main!(benches);
