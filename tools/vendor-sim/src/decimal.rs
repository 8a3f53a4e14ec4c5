//! Exact decimal text of 1e-9 dollars, as a JSON number.

use std::fmt::Write;

/// Appends the shortest exact text: `130`, `130.5`, `97.6035`.
pub(crate) fn write(out: &mut String, nanos: i64) {
    let (whole, mut rest) = (nanos.unsigned_abs() / 1_000_000_000, nanos.unsigned_abs() % 1_000_000_000);
    if nanos < 0 {
        out.push('-');
    }
    let _ = write!(out, "{whole}");
    if rest == 0 {
        return;
    }
    out.push('.');
    let mut unit = 100_000_000;
    while rest > 0 {
        out.push(char::from(b'0' + (rest / unit) as u8));
        rest %= unit;
        unit /= 10;
    }
}

/// The same as a new string.
pub(crate) fn text(nanos: i64) -> String {
    let mut out = String::new();
    write(&mut out, nanos);
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_is_exact_and_short() {
        let check = |nanos, expected: &str| assert_eq!(super::text(nanos), expected);
        check(130_000_000_000, "130");
        check(130_500_000_000, "130.5");
        check(97_603_500_000, "97.6035");
        check(-1, "-0.000000001");
        check(0, "0");
        check(10_010_000_000, "10.01");
    }
}
