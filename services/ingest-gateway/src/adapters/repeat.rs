//! Frames that come twice: no vendor numbers its frames.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

/// Frames that are remembered; a repeat comes close behind.
const REMEMBERED: usize = 16;

/// Recognises a frame that is one of the last few again, byte for byte, by a hash of 64 bits.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    hasher: RandomState,
    recent: [u64; REMEMBERED],
    next: usize,
}

impl Repeats {
    /// True if `frame` has come before; else it is remembered.
    pub(super) fn has(&mut self, frame: &str) -> bool {
        let print = self.hasher.hash_one(frame);
        if self.recent.contains(&print) {
            return true;
        }
        self.recent[self.next] = print;
        self.next = (self.next + 1) % REMEMBERED;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(trades: &[&str]) -> String {
        let data: Vec<String> =
            trades.iter().map(|p| format!(r#"{{"c":null,"p":{p},"s":"A","t":1788867000000,"v":100}}"#)).collect();
        format!(r#"{{"data":[{}],"type":"trade"}}"#, data.join(","))
    }

    #[test]
    fn a_frame_is_taken_once() {
        let mut repeats = Repeats::default();
        let (first, second) = (frame(&["1.5", "1.6"]), frame(&["1.5", "1.7"]));
        let mut has = |frame: &str| repeats.has(frame);
        assert_eq!([has(&first), has(&second), has(&first), has(&second)], [false, false, true, true]);
    }

    #[test]
    fn a_frame_that_differs_in_its_middle_alone_is_another() {
        let mut repeats = Repeats::default();
        let mut prices = vec!["1.5"; 101];
        assert!(!repeats.has(&frame(&prices)));
        prices[50] = "1.6";
        assert!(!repeats.has(&frame(&prices)));
        assert!(repeats.has(&frame(&prices)));
    }

    #[test]
    fn what_lies_further_back_is_not_remembered() {
        let mut repeats = Repeats::default();
        let first = frame(&["1.5", "1.6"]);
        assert!(!repeats.has(&first));
        for n in 0..REMEMBERED {
            assert!(!repeats.has(&frame(&["2", &n.to_string()])));
        }
        assert!(!repeats.has(&first));
    }
}
