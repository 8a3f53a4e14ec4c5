//! Exact decimals from JSON number text.

/// Why a number was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not a JSON number.
    #[error("is not a number")]
    NotANumber,
    /// More than nine decimals that count.
    #[error("has more than 9 decimals")]
    TooFine,
    /// Beyond ±9.2 billion.
    #[error("is out of range")]
    OutOfRange,
}

/// A JSON number as a count of 1e-9, exactly; exponents are allowed.
pub fn nanos(text: &str) -> Result<i64, DecimalError> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, "0"), |(m, e)| (m, e));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || (mantissa.contains('.') && fraction.is_empty()) {
        return Err(DecimalError::NotANumber);
    }
    let exponent: i32 = exponent.parse().map_err(|_| DecimalError::NotANumber)?;

    let all = format!("{whole}{fraction}");
    let kept = all.trim_end_matches('0');
    if kept.is_empty() {
        return Ok(0);
    }
    let scale = i64::from(exponent) + 9 - fraction.len() as i64 + (all.len() - kept.len()) as i64;
    let scale = match u32::try_from(scale) {
        Ok(scale) => scale,
        Err(_) if scale < 0 => return Err(DecimalError::TooFine),
        Err(_) => return Err(DecimalError::OutOfRange),
    };
    let value: i128 = kept.trim_start_matches('0').parse().map_err(|_| DecimalError::OutOfRange)?;
    let value =
        10_i128.checked_pow(scale).and_then(|power| value.checked_mul(power)).ok_or(DecimalError::OutOfRange)?;
    i64::try_from(if negative { -value } else { value }).map_err(|_| DecimalError::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_text_becomes_exact_nanos_or_is_refused() {
        for (text, expected) in [
            ("274.7", Ok(274_700_000_000)),
            ("0", Ok(0)),
            ("0.000000001", Ok(1)),
            ("0.0000000010", Ok(1)),
            ("1e-9", Ok(1)),
            ("1.5E+2", Ok(150_000_000_000)),
            ("-3", Ok(-3_000_000_000)),
            ("0.0000000001", Err(DecimalError::TooFine)),
            ("1e10", Err(DecimalError::OutOfRange)),
            ("1e400", Err(DecimalError::OutOfRange)),
            ("9223372036.854775808", Err(DecimalError::OutOfRange)),
            ("9223372036.854775807", Ok(i64::MAX)),
            ("\"1\"", Err(DecimalError::NotANumber)),
            ("null", Err(DecimalError::NotANumber)),
            ("1.", Err(DecimalError::NotANumber)),
            ("", Err(DecimalError::NotANumber)),
        ] {
            assert_eq!(nanos(text), expected, "{text}");
        }
    }
}
