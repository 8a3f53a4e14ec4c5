//! Spoiled inputs for decoders: a corpus, mutated at random from a seed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Inputs of one run unless `FIN_FUZZ_INPUTS` says otherwise.
const INPUTS: u64 = 20_000;
/// Longest input, bytes.
const BYTES_MAX: usize = 16 * 1024;
/// What the process may grow by at its largest, KiB. Inputs are small; what an input claims to hold must not count.
const GROWTH_KIB_MAX: u64 = 256 * 1024;
/// The longest that one input may take; far more than any takes on a busy machine.
const LONGEST_MAX: Duration = Duration::from_secs(10);

/// Pieces that upset readers of JSON, YAML, cron and protobuf.
const PIECES: &[&[u8]] = &[
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"\"\"",
    b"0",
    b"-0",
    b"-1",
    b"1e999",
    b"1e-999",
    b"-1e308",
    b"0.0000000001",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551616",
    b"170141183460469231731687303715884105728",
    b"NaN",
    b"Infinity",
    b"\\ud800",
    b"\\u0000",
    b"\xff\xfe",
    b"\xf0\x9f\x92\xa9",
    b"\xc3\xa9",
    b"[[[[[[[[[[[[[[[[",
    b"{\"a\":{\"a\":{\"a\":",
    b"9999-12-31",
    b"0000-00-00",
    b"2026-02-30",
    b"24:60",
    b"99999999999999999999",
    b"*/0",
    b"0-59/1",
    b"7-0",
    b"L",
    b"#",
    b"&a [*a]",
    b"!!binary",
    b"- - - -",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80",
    b"\x00",
    b"\x7f",
    b"\r\n",
    b",",
    b":",
    b"\"",
    b"\\",
];

/// Shows `decode` spoiled copies of `corpus`, and some that it does not spoil. `decode` says whether it took the input.
///
/// `FIN_FUZZ_INPUTS` and `FIN_FUZZ_SEED` choose how many and which; the numbers are printed.
///
/// # Panics
/// When `decode` does, with the input; when it never takes one or never refuses one, when one takes seconds, or when
/// the process grows by more than 256 MiB.
pub fn fuzz<C: AsRef<[u8]>>(decoder: &str, corpus: &[C], decode: impl FnMut(&[u8]) -> bool) {
    run(decoder, corpus, INPUTS, decode);
}

/// The same for what takes its time: unless `FIN_FUZZ_INPUTS` says otherwise a twentieth of the inputs.
///
/// # Panics
/// As [`fuzz`].
pub fn fuzz_slow<C: AsRef<[u8]>>(decoder: &str, corpus: &[C], decode: impl FnMut(&[u8]) -> bool) {
    run(decoder, corpus, INPUTS / 20, decode);
}

fn run<C: AsRef<[u8]>>(decoder: &str, corpus: &[C], usual: u64, mut decode: impl FnMut(&[u8]) -> bool) {
    let number = |name: &str, usual: u64| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
    let (inputs, seed) = (number("FIN_FUZZ_INPUTS", usual), number("FIN_FUZZ_SEED", 1));
    let corpus: Vec<&[u8]> = corpus.iter().map(AsRef::as_ref).filter(|entry| entry.len() <= BYTES_MAX).collect();
    assert!(!corpus.is_empty(), "{decoder}: nothing to begin with");
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (before, begun) = (peak_kib(), Instant::now());
    let (mut taken, mut longest) = (0_u64, Duration::ZERO);
    let mut input = Vec::new();
    for n in 0..inputs {
        dice.input(&corpus, n, &mut input);
        let since = Instant::now();
        let was_taken = catch_unwind(AssertUnwindSafe(|| decode(&input)));
        assert!(was_taken.is_ok(), "{decoder}: input {n} of seed {seed} panics: {}", input.escape_ascii());
        taken += u64::from(was_taken.unwrap_or_default());
        longest = longest.max(since.elapsed());
        assert!(
            longest < LONGEST_MAX,
            "{decoder}: input {n} of seed {seed} takes {longest:?}: {}",
            input.escape_ascii()
        );
    }
    let grown = peak_kib().saturating_sub(before);
    #[allow(clippy::print_stdout, reason = "the numbers are what a reader of the test wants")]
    {
        println!(
            "fuzz {decoder}: {inputs} inputs, {taken} taken, {} refused, {:.1} s, at most {} ms each, grown by {grown} KiB",
            inputs - taken,
            begun.elapsed().as_secs_f64(),
            longest.as_millis(),
        );
    }
    assert!(taken > 0, "{decoder}: nothing was ever taken, so nothing was tried");
    assert!(taken < inputs, "{decoder}: nothing was ever refused, so nothing was tried");
    assert!(grown < GROWTH_KIB_MAX, "{decoder}: grown by {grown} KiB");
}

/// The most memory that this process has had, KiB; 0 where the system does not say.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0)
}

/// xorshift64*.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.roll() >> 11) as usize % bound.max(1)
    }

    /// Each entry of the corpus comes unspoiled first.
    fn input(&mut self, corpus: &[&[u8]], n: u64, input: &mut Vec<u8>) {
        input.clear();
        if let Some(entry) = usize::try_from(n).ok().and_then(|n| corpus.get(n)) {
            input.extend_from_slice(entry);
            return;
        }
        if self.below(50) == 0 {
            input.extend((0..self.below(200)).map(|_| self.roll() as u8).collect::<Vec<_>>());
            return;
        }
        input.extend_from_slice(corpus[self.below(corpus.len())]);
        for _ in 0..self.below(4) {
            self.spoil(corpus, input);
        }
        input.truncate(BYTES_MAX);
    }

    fn spoil(&mut self, corpus: &[&[u8]], input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let until = at + self.below(12).min(input.len() - at);
        match self.below(9) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.roll() as u8,
            2 => input.truncate(at),
            3 => drop(input.drain(at..until)),
            4 => {
                let repeated = input[at..until].to_vec();
                let times = 1 + self.below(40);
                input.splice(at..at, repeated.repeat(times));
            }
            5 => {
                let other = corpus[self.below(corpus.len())];
                let from = self.below(other.len() + 1);
                let part = other[from..].to_vec();
                input.splice(at.., part);
            }
            6 => drop(input.splice(at..until, PIECES[self.below(PIECES.len())].iter().copied())),
            7 => self.change_a_word(input, at),
            _ => drop(input.splice(at..at, PIECES[self.below(PIECES.len())].iter().copied())),
        }
    }

    /// A piece in place of the number or word at `at`.
    fn change_a_word(&mut self, input: &mut Vec<u8>, at: usize) {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-._".contains(byte);
        let Some(begin) = input.iter().skip(at).position(is_word).map(|ahead| at + ahead) else { return };
        let length = input[begin..].iter().take_while(|byte| is_word(byte)).count();
        input.splice(begin..begin + length, PIECES[self.below(PIECES.len())].iter().copied());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "x: input 0 of seed 1 panics: a")]
    fn a_panic_is_reported_with_its_input() {
        fuzz("x", &["a"], |_| panic!("oh"));
    }

    #[test]
    #[should_panic(expected = "nothing was ever taken")]
    fn a_decoder_that_takes_nothing_is_not_tried() {
        fuzz("x", &["a"], |_| false);
    }
}
