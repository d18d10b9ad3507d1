//! Text work against slow and obvious forms of the same.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test fails where it cannot go on")]

use proptest::prelude::*;
use sky_rs::string_utils::{
    Cut, MAX_DECIMALS, base36_encode, cut_end, cut_middle, decode_utf8, format_fraction, format_integer,
};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn base36(hex: &str) -> Option<String> {
    base36_encode(hex.as_bytes(), text)
}

/// Long multiplication, digit by digit: the number in base 36 from hexadecimal digits.
fn slow_base36(hex: &str) -> String {
    let mut digits = vec![0_u32]; // base 36, least first
    for digit in hex.chars().map(|digit| digit.to_digit(16).unwrap()) {
        let mut carry = digit;
        for place in &mut digits {
            let value = *place * 16 + carry;
            *place = value % 36;
            carry = value / 36;
        }
        while carry > 0 {
            digits.push(carry % 36);
            carry /= 36;
        }
    }
    digits.iter().rev().map(|&digit| char::from_digit(digit, 36).unwrap()).collect()
}

#[test]
fn base36_of_well_known_numbers() {
    for (hex, expected) in
        [("0", "0"), ("000", "0"), ("23", "z"), ("24", "10"), ("FF", "73"), ("0b1", "4x"), ("1e5", "dh")]
    {
        assert_eq!(base36(hex).as_deref(), Some(expected));
    }
    assert_eq!(base36(&"f".repeat(16)).as_deref(), Some("3w5e11264sgsf"));
}

#[test]
fn base36_leaves_all_but_plain_digits_to_python() {
    for hex in ["", " ff", "0xff", "-1", "f_f", "g", "G0", "@", "`", "/", ":", "ff\0", "f\u{ff11}"] {
        assert_eq!(base36(hex), None, "{hex:?}");
        assert_eq!(base36(&format!("{}{hex}", "0".repeat(70))).is_some(), hex.is_empty(), "{hex:?}");
    }
}

#[test]
fn every_byte_but_a_digit_is_refused_in_every_place() {
    for place in 0..16 {
        for byte in 0..=u8::MAX {
            let mut hex = *b"0123456789abcdef";
            hex[place] = byte;
            assert_eq!(base36_encode(&hex, |_| ()).is_some(), byte.is_ascii_hexdigit(), "{byte} at {place}");
        }
    }
}

proptest! {
    #[test]
    fn base36_of_any_number(hex in "[0-9a-fA-F]{1,200}") {
        prop_assert_eq!(base36(&hex).unwrap(), slow_base36(&hex));
    }

    #[test]
    fn base36_of_long_numbers(hex in "[1-9a-f][0-9a-f]{1000,1200}") {
        prop_assert_eq!(base36(&hex).unwrap(), slow_base36(&hex));
    }

    #[test]
    fn fractions_as_the_standard_library_writes_them(
        number in -1e15..1e15_f64, small in -1.0..1.0_f64, precision in 0..=MAX_DECIMALS
    ) {
        for number in [number, small, small / 1e9, small * 1e-300] {
            let expected = format!("{number:.precision$}");
            prop_assert_eq!(format_fraction(number, precision, text).unwrap(), expected);
        }
    }

    #[test]
    fn halves_go_to_the_even_side(eighths in -4000..4000_i32, precision in 0..3_usize) {
        let number = f64::from(eighths) / 8.0;
        prop_assert_eq!(format_fraction(number, precision, text).unwrap(), format!("{number:.precision$}"));
    }

    #[test]
    fn integers(number in any::<i64>()) {
        prop_assert_eq!(format_integer(number, text), number.to_string());
    }

    #[test]
    fn utf_8_decodes_to_its_code_points(expected in "\\PC*[a\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}]*") {
        let mut points = Vec::new();
        prop_assert!(decode_utf8(expected.as_bytes(), &mut points));
        prop_assert_eq!(points, expected.chars().map(u32::from).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_no_utf_8_is_refused(bytes in proptest::collection::vec(
        prop_oneof![any::<u8>(), Just(0xed), Just(0xa0), Just(0xf4), Just(0x90), Just(0xc0), Just(0xe0)], 0..8
    )) {
        prop_assert_eq!(decode_utf8(&bytes, &mut Vec::new()), std::str::from_utf8(&bytes).is_ok());
    }

    #[test]
    fn cutting_the_end_as_skypilot_words_it(words in "[a ]{0,60}", max_length in -70..70_i64) {
        let length = words.len();
        prop_assume!(i64::try_from(length).unwrap() > max_length);
        let space = |from: usize| words[from..].find(' ').map(|found| from + found);
        prop_assert_eq!(cut_end(length, max_length, space).head, slow_cut(&words, max_length));
    }
}

/// SkyPilot's own way: split into words, add up their lengths, and join what fits.
fn slow_cut(text: &str, max_length: i64) -> usize {
    let words: Vec<&str> = text.split(' ').collect();
    let first = i64::try_from(words[0].len()).unwrap();
    if first > max_length {
        let kept = if max_length < 0 { (first + max_length).max(0) } else { max_length };
        return usize::try_from(kept).unwrap();
    }
    let max_length = usize::try_from(max_length).unwrap();
    let mut total = 0;
    let reached = words.iter().position(|word| {
        total += word.len();
        total >= max_length
    });
    let kept = words[..reached.unwrap_or(words.len() - 1)].join(" ").len();
    kept.max(max_length)
}

#[test]
fn numbers_beyond_the_fast_path_are_left_to_python() {
    assert_eq!(format_fraction(f64::NAN, 1, text), None);
    assert_eq!(format_fraction(f64::INFINITY, 1, text), None);
    assert_eq!(format_fraction(1e17, 1, text), None);
    assert_eq!(format_fraction(0.5, MAX_DECIMALS + 1, text), None);
    assert_eq!(format_fraction(-0.0, 0, text).unwrap(), "-0");
    assert_eq!(format_fraction(5e-324, 1, text).unwrap(), "0.0");
}

#[test]
fn cutting_the_middle() {
    for (max_length, head, tail) in [(-5, 0, 0), (3, 0, 0), (4, 1, 0), (5, 1, 1), (6, 2, 1), (35, 16, 16)] {
        assert_eq!(cut_middle(max_length), Cut { head, tail });
    }
    assert_eq!(cut_middle(i64::MIN + 3), Cut { head: 0, tail: 0 });
}
