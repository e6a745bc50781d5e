//! Numbers as people write them.
//!
//! Beside the digits there may be a sign, a currency sign, `%`, and a unit or currency of up to three letters on either
//! side; any other word is a reason to refuse, for `regex:` says better which number is meant. The rule for separators:
//!
//! * Spaces and apostrophes group digits: `1 234`, `1'234`.
//! * Where both `,` and `.` stand, the last is the decimal mark and the other groups: `1,234.56`, `1.234,56`.
//! * Where one of them stands more than once, it groups: `1.234.567`.
//! * A single `.` is the decimal mark: `1.234` is a little more than one. A single `,` is too, but before exactly three
//!   digits it groups: `1,5` is one and a half, `1,234` is 1234.
//! * `number:,` says that the decimal mark is a comma, `number:.` that it is a point; then nothing is guessed.
//!
//! Groups have three digits, but for the first, which has up to three, and those before the last in the Indian way (`12,34,567`).

/// Reads a number; `mark` is the decimal mark where it is known.
///
/// # Errors
/// Why the text is no number.
pub(super) fn number(text: &str, mark: Option<char>) -> Result<f64, String> {
    let digits = plain(text, mark)?;
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err("too large for a number".to_owned()),
    }
}

/// Reads a whole number.
///
/// # Errors
/// Why the text is none.
pub(super) fn integer(text: &str, mark: Option<char>) -> Result<i64, String> {
    let digits = plain(text, mark)?;
    let whole = match digits.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole,
        Some(_) => return Err("not a whole number".to_owned()),
        None => &digits,
    };
    if let Some(exponent) = whole.find(['e', 'E']) {
        let number: f64 = whole.parse().map_err(|_| "not a number".to_owned())?;
        return from_float(number).map_err(|_| format!("an exponent at {}", exponent + 1));
    }
    whole
        .parse()
        .map_err(|_| "too large for a whole number".to_owned())
}

/// A float as a whole number, where it is one.
///
/// # Errors
/// When it is none, or too large to be exact.
pub(super) fn from_float(number: f64) -> Result<i64, String> {
    /// The largest number up to which a float holds every whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() != 0.0 {
        return Err("not a whole number".to_owned());
    }
    if number.abs() > EXACT {
        return Err("too large for a whole number".to_owned());
    }
    Ok(number as i64)
}

/// The number in the way of computers: digits, and a point.
fn plain(text: &str, mark: Option<char>) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("blank".to_owned());
    }
    if mark.is_none() && is_scientific(text) {
        return Ok(text.to_owned());
    }
    let first = text
        .find(|c: char| c.is_ascii_digit())
        .ok_or("without a digit")?;
    let last = text
        .rfind(|c: char| c.is_ascii_digit())
        .map_or(text.len(), |at| at + 1);
    // A mark before the first digit belongs to it: ".5".
    let start = match text[..first].chars().next_back() {
        Some(c @ ('.' | ',')) if opens(&text[..first - 1]) => first - c.len_utf8(),
        _ => first,
    };
    let negative = beside(&text[..start], true)? ^ beside(&text[last..], false)?;
    let digits = separated(&text[start..last], mark)?;
    Ok(if negative {
        format!("-{digits}")
    } else {
        digits
    })
}

/// Whether a mark behind this text may begin a number: nothing that is a word's end stands before it.
fn opens(before: &str) -> bool {
    !before
        .chars()
        .next_back()
        .is_some_and(|c| c.is_alphanumeric())
}

/// `-1.5e-7`
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let mantissa = mantissa.trim_start_matches(['+', '-']);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    digits(whole) && digits(fraction) && digits(exponent) && exponent.len() <= 3
}

/// Judges what stands on one side of the digits; answers whether it is a minus.
fn beside(text: &str, before: bool) -> Result<bool, String> {
    let mut negative = false;
    let mut word = 0;
    let mut words = 0;
    for c in text.chars() {
        if c.is_alphabetic() {
            words += usize::from(word == 0);
            word += 1;
            if word > 3 || words > 1 {
                return Err("words beside the number: choose it by regex:".to_owned());
            }
            continue;
        }
        word = 0;
        match c {
            '-' | '\u{2212}' if before && !negative => negative = true,
            '+' if before => {}
            '%' if !before => {}
            // "5.-" and "5,—" as prices.
            '.' | ',' | '-' | '\u{2013}' | '\u{2014}' if !before => {}
            '.' if before && words > 0 => {} // "Rs."
            c if c.is_whitespace() || is_currency(c) => {}
            c => return Err(format!("{c:?} beside the number: choose it by regex:")),
        }
    }
    Ok(negative)
}

/// Unicode's category Sc.
fn is_currency(c: char) -> bool {
    matches!(c, '$' | '\u{a2}'..='\u{a5}' | '\u{58f}' | '\u{60b}' | '\u{9f2}' | '\u{9f3}' | '\u{e3f}' | '\u{20a0}'..='\u{20cf}'
        | '\u{fdfc}' | '\u{fe69}' | '\u{ff04}' | '\u{ffe0}' | '\u{ffe1}' | '\u{ffe5}' | '\u{ffe6}')
}

/// Digits with separators, by the rule of the module.
fn separated(text: &str, mark: Option<char>) -> Result<String, String> {
    if let Some(wrong) = text.chars().find(|c| !is_of_number(*c)) {
        return Err(if wrong.is_whitespace() || wrong.is_alphabetic() {
            "more than one number, or words between digits: choose by regex:".to_owned()
        } else {
            format!("{wrong:?} between digits")
        });
    }
    let decimal = match mark {
        Some(mark) => text.rfind(mark),
        None => decimal_mark(text)?,
    };
    let (whole, fraction) = match decimal {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return Err("more than one number, or digits in uneven groups".to_owned());
    }
    let mut digits = grouped(whole)?;
    if digits.is_empty() {
        digits.push('0');
    }
    if !fraction.is_empty() {
        digits.push('.');
        digits.push_str(fraction);
    }
    Ok(digits)
}

fn is_of_number(c: char) -> bool {
    c.is_ascii_digit() || c == '.' || c == ',' || is_gap(c)
}

/// Groups digits, and nothing else: spaces of several widths, apostrophes.
fn is_gap(c: char) -> bool {
    matches!(
        c,
        ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\'' | '\u{2019}'
    )
}

/// Where the decimal mark stands, if there is one.
fn decimal_mark(text: &str) -> Result<Option<usize>, String> {
    let (points, commas) = (text.matches('.').count(), text.matches(',').count());
    Ok(match (points, commas) {
        (0, 0) => None,
        (1, 0) => text.find('.'),
        (0, 1) => text.find(',').filter(|at| {
            let before = &text[..*at];
            let groups = text.len() - at - 1 == 3 && !before.is_empty() && before != "0";
            !groups || before.contains(is_gap)
        }),
        (_, 0) | (0, _) => None,
        _ => {
            let last = text.rfind(['.', ',']);
            let alone = last.is_some_and(|at| text.matches(&text[at..=at]).count() == 1);
            if !alone {
                return Err("separators that no number has".to_owned());
            }
            last
        }
    })
}

/// The digits of a whole number, its groups checked.
fn grouped(text: &str) -> Result<String, String> {
    let separator = |c: char| c == '.' || c == ',' || is_gap(c);
    let groups: Vec<&str> = text.split(separator).collect();
    if let [first, middle @ .., last] = groups.as_slice()
        && !(last.len() == 3
            && (1..=3).contains(&first.len())
            && middle.iter().all(|group| matches!(group.len(), 2 | 3)))
    {
        return Err("more than one number, or digits in uneven groups".to_owned());
    }
    let mut kinds = text.chars().filter(|c| separator(*c));
    if let Some(first) = kinds.next()
        && kinds.any(|other| other != first)
    {
        return Err("separators that no number has".to_owned());
    }
    Ok(groups.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_in_many_places_write_them() {
        for (text, expected) in [
            ("42", 42.0),
            (" 1,234.56 ", 1234.56),
            ("1.234,56", 1234.56),
            ("1.234.567", 1_234_567.0),
            ("1,234,567.8", 1_234_567.8),
            ("12,34,567.89", 1_234_567.89),
            ("1 234,50 Kč", 1234.5),
            ("1'234.50", 1234.5),
            ("1\u{202f}234", 1234.0),
            ("1.234", 1.234),
            ("1,234", 1234.0),
            ("0,234", 0.234),
            ("1,5", 1.5),
            ("12,50 €", 12.5),
            ("£12.50", 12.5),
            ("US$ 3", 3.0),
            ("Rs. 500", 500.0),
            ("CHF 12.-", 12.0),
            ("-5", -5.0),
            ("\u{2212}5 %", -5.0),
            ("-$3.20", -3.2),
            (".5", 0.5),
            ("+7", 7.0),
            ("1e3", 1000.0),
            ("2.5E-2", 0.025),
            ("12 kg", 12.0),
        ] {
            assert_eq!(number(text, None), Ok(expected), "{text}");
        }
        for (text, mark, expected) in [
            ("1.234", ',', 1234.0),
            ("1,234", '.', 1234.0),
            ("1,234", ',', 1.234),
            ("1.234,5", ',', 1234.5),
        ] {
            assert_eq!(number(text, Some(mark)), Ok(expected), "{text} {mark}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", "blank"),
            ("sold out", "without a digit"),
            ("In stock (22 available)", "beside the number"),
            ("3 of 7", "words between"),
            ("10 - 20", "between digits"),
            ("1 2", "uneven groups"),
            ("1.2.3", "uneven groups"),
            ("1,23,4.5.6", "separators"),
            ("1,23,4", "uneven groups"),
            ("5 / 10", "between digits"),
        ] {
            let why = number(text, None).unwrap_err();
            assert!(why.contains(reason), "{text}: {why}");
        }
        assert!(number(&"9".repeat(400), None).is_err());
    }

    #[test]
    fn a_whole_number_has_no_fraction_and_fits() {
        assert_eq!(integer("1,234", None), Ok(1234));
        assert_eq!(integer("12.00 €", None), Ok(12));
        assert_eq!(integer("-9223372036854775808", None), Ok(i64::MIN));
        assert_eq!(integer("1e3", None), Ok(1000));
        assert!(integer("1.5", None).unwrap_err().contains("whole"));
        assert!(
            integer("9223372036854775808", None)
                .unwrap_err()
                .contains("too large")
        );
        assert_eq!(from_float(3.0), Ok(3));
        assert!(from_float(1e300).is_err());
    }
}
