//! Numbers as people write them.
//!
//! Next to the digits there may be a sign, a currency sign, `%`, and a unit or currency of up to three letters on
//! either side; any other word is a reason to refuse, because `regex:` is the better way to say which number is
//! meant. The rules for separators:
//!
//! * Spaces and apostrophes group digits: `1 234`, `1'234`.
//! * If both `,` and `.` occur, the last one is the decimal mark and the other groups: `1,234.56`, `1.234,56`.
//! * If one of them occurs more than once, it groups: `1.234.567`.
//! * A mark followed by nothing but dashes is the decimal mark: `1.299,- €`, `12.-`.
//! * A single `,` or `.` is the decimal mark if it cannot group, as in `1,5`, `0.234` and `1234,567`. Before
//!   exactly three digits it may be either, and neither reading is a safe guess: `1.234` and `1,234` are refused.
//!   For `integer` they are 1234, because with a fraction they would not be whole numbers; but `1.000` is refused
//!   there too.
//! * `number:,` declares that the decimal mark is a comma, `number:.` that it is a point; then nothing is guessed,
//!   and a number that has that mark twice, or where it cannot be decimal, is refused.
//!
//! Groups have three digits, except the first, which has up to three, and those before the last in the Indian style
//! (`12,34,567`).

/// Reads a number; `mark` is the decimal mark, if known.
///
/// # Errors
/// Why the text is not a number.
pub(super) fn number(text: &str, mark: Option<char>) -> Result<f64, String> {
    let digits = normalized(text, mark, Wanted::Any)?;
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err("too large for a number".to_owned()),
    }
}

/// Reads a whole number.
///
/// # Errors
/// Why the text is not a whole number.
pub(super) fn integer(text: &str, mark: Option<char>) -> Result<i64, String> {
    let digits = normalized(text, mark, Wanted::Whole)?;
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

/// Converts a float to a whole number if it is one.
///
/// # Errors
/// If it is not a whole number, or too large to be exact.
pub(super) fn from_float(number: f64) -> Result<i64, String> {
    /// The largest number up to which a float represents every whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() != 0.0 {
        return Err("not a whole number".to_owned());
    }
    if number.abs() > EXACT {
        return Err("too large for a whole number".to_owned());
    }
    Ok(number as i64)
}

/// Which numbers are wanted: this decides between some readings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Any,
    Whole,
}

/// The number in computer notation: digits and a decimal point.
fn normalized(text: &str, mark: Option<char>, wanted: Wanted) -> Result<String, String> {
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
    // A mark before the first digit belongs to the number: ".5".
    let start = match text[..first].chars().next_back() {
        Some(c @ ('.' | ',')) if may_start_number(&text[..first - 1]) => first - c.len_utf8(),
        _ => first,
    };
    let negative = check_affix(&text[..start], true)? ^ check_affix(&text[last..], false)?;
    let digits = match mark_before_dash(&text[last..]) {
        Some(end) => dash_fraction(&text[start..last], end, mark)?,
        None => with_separators(&text[start..last], mark, wanted)?,
    };
    Ok(if negative {
        format!("-{digits}")
    } else {
        digits
    })
}

/// Whether a mark after this text may begin a number: it must not follow a word.
fn may_start_number(before: &str) -> bool {
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

/// Checks the text on one side of the digits; returns whether it has a minus sign.
fn check_affix(text: &str, before: bool) -> Result<bool, String> {
    let mut negative = false;
    let mut after_mark = before;
    let mut word = 0;
    let mut words = 0;
    for c in text.chars() {
        if c.is_alphabetic() {
            words += usize::from(word == 0);
            word += 1;
            if word > 3 || words > 1 {
                return Err("words next to the number: select it with regex:".to_owned());
            }
            continue;
        }
        word = 0;
        match c {
            '-' | '\u{2212}' if before && !negative => negative = true,
            '+' if before => {}
            '%' if !before => {}
            '.' | ',' if !before => after_mark = true,
            // "5.-" and "5,—" are prices, but in "5-" the dash may be a minus.
            c if !before && after_mark && is_dash(c) => {}
            '.' if before && words > 0 => {} // "Rs."
            c if c.is_whitespace() || is_currency(c) => {}
            c => return Err(format!("{c:?} next to the number: select it with regex:")),
        }
    }
    Ok(negative)
}

/// The decimal mark that ends the digits when dashes stand for the fraction: `,-`.
fn mark_before_dash(after: &str) -> Option<char> {
    let mut characters = after.chars();
    let mark = characters.next().filter(|c| matches!(c, '.' | ','))?;
    characters.next().is_some_and(is_dash).then_some(mark)
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2012}'..='\u{2015}' | '\u{2212}')
}

/// Currency signs (Unicode category Sc).
fn is_currency(c: char) -> bool {
    matches!(c, '$' | '\u{a2}'..='\u{a5}' | '\u{58f}' | '\u{60b}' | '\u{9f2}' | '\u{9f3}' | '\u{e3f}' | '\u{20a0}'..='\u{20cf}'
        | '\u{fdfc}' | '\u{fe69}' | '\u{ff04}' | '\u{ffe0}' | '\u{ffe1}' | '\u{ffe5}' | '\u{ffe6}')
}

/// The whole part of a number whose fraction is a dash after the decimal mark `end`.
fn dash_fraction(text: &str, end: char, mark: Option<char>) -> Result<String, String> {
    check_characters(text)?;
    match mark {
        Some(mark) if mark != end => Err(format!(
            "{end:?} is the decimal mark here, but {mark:?} was declared"
        )),
        // In "1.299.-" the point does both; without a declared mark, no other reading is possible.
        Some(mark) if text.contains(mark) => Err(repeated_mark(mark)),
        _ => without_groups(text),
    }
}

/// Digits with separators, by the rules of the module.
fn with_separators(text: &str, mark: Option<char>, wanted: Wanted) -> Result<String, String> {
    check_characters(text)?;
    let decimal = match mark {
        Some(mark) if text.matches(mark).count() > 1 => return Err(repeated_mark(mark)),
        Some(mark) => text.find(mark),
        None => decimal_mark(text, wanted)?,
    };
    let (whole, fraction) = match decimal {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return Err("more than one number, or digits in uneven groups".to_owned());
    }
    let mut digits = without_groups(whole)?;
    if digits.is_empty() {
        digits.push('0');
    }
    if !fraction.is_empty() {
        digits.push('.');
        digits.push_str(fraction);
    }
    Ok(digits)
}

fn repeated_mark(mark: char) -> String {
    format!("{mark:?} was declared as the decimal mark, but occurs more than once")
}

/// Checks that there are only digits and what may stand between them.
fn check_characters(text: &str) -> Result<(), String> {
    match text.chars().find(|c| !is_number_character(*c)) {
        None => Ok(()),
        Some(wrong) if wrong.is_whitespace() || wrong.is_alphabetic() => {
            Err("more than one number, or words between digits: select one with regex:".to_owned())
        }
        Some(wrong) => Err(format!("{wrong:?} between digits")),
    }
}

fn is_number_character(c: char) -> bool {
    c.is_ascii_digit() || c == '.' || c == ',' || is_group_separator(c)
}

/// Whether a character can only group digits: spaces of several widths, apostrophes.
fn is_group_separator(c: char) -> bool {
    matches!(
        c,
        ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\'' | '\u{2019}'
    )
}

/// The position of the decimal mark, if there is one.
fn decimal_mark(text: &str, wanted: Wanted) -> Result<Option<usize>, String> {
    let (points, commas) = (text.matches('.').count(), text.matches(',').count());
    Ok(match (points, commas) {
        (0, 0) => None,
        (1, 0) | (0, 1) => single_mark(text, wanted)?,
        (_, 0) | (0, _) => None,
        _ => {
            let last = text.rfind(['.', ',']);
            let alone = last.is_some_and(|at| text.matches(&text[at..=at]).count() == 1);
            if !alone {
                return Err("an impossible mix of separators".to_owned());
            }
            last
        }
    })
}

/// The position of the only separator, if it is the decimal mark.
fn single_mark(text: &str, wanted: Wanted) -> Result<Option<usize>, String> {
    let at = text.find(['.', ',']);
    let Some((whole, fraction)) = at.map(|at| (&text[..at], &text[at + 1..])) else {
        return Ok(None);
    };
    // Groups have three digits, and are preceded by one to three digits that do not start with a zero.
    let may_group = fraction.len() == 3
        && (1..=3).contains(&whole.len())
        && whole.bytes().all(|b| b.is_ascii_digit())
        && !whole.starts_with('0');
    if !may_group {
        return Ok(at);
    }
    match wanted {
        Wanted::Whole if fraction != "000" => Ok(None),
        Wanted::Whole => Err(ambiguous(whole, fraction, "integer")),
        Wanted::Any => Err(ambiguous(whole, fraction, "number")),
    }
}

fn ambiguous(whole: &str, fraction: &str, filter: &str) -> String {
    format!(
        "it may be {whole}{fraction} or {whole}.{fraction}: write {filter}:. or {filter}:, to set the decimal mark"
    )
}

/// The digits of a whole number, after checking its groups.
fn without_groups(text: &str) -> Result<String, String> {
    let separator = |c: char| c == '.' || c == ',' || is_group_separator(c);
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
        return Err("an impossible mix of separators".to_owned());
    }
    Ok(groups.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_in_many_countries_write_them() {
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
            ("1.234,567", 1234.567),
            ("1234,567", 1234.567),
            ("1 234.567", 1234.567),
            ("0,234", 0.234),
            ("0.234", 0.234),
            ("2.5000", 2.5),
            ("1,5", 1.5),
            ("12,50 €", 12.5),
            ("£12.50", 12.5),
            ("US$ 3", 3.0),
            ("Rs. 500", 500.0),
            ("CHF 12.-", 12.0),
            ("1.299,- €", 1299.0),
            ("1,299.– €", 1299.0),
            ("1.299.-", 1299.0),
            ("1'299.—", 1299.0),
            ("1.234.567,--", 1_234_567.0),
            ("7,− Kč", 7.0),
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
            ("1.299,-", ',', 1299.0),
            ("1.299.000", ',', 1_299_000.0),
            ("1,299,000", '.', 1_299_000.0),
        ] {
            assert_eq!(number(text, Some(mark)), Ok(expected), "{text} {mark}");
        }
    }

    #[test]
    fn a_text_that_is_not_a_number_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", "blank"),
            ("sold out", "without a digit"),
            ("In stock (22 available)", "next to the number"),
            ("3 of 7", "words between"),
            ("10 - 20", "between digits"),
            ("1 2", "uneven groups"),
            ("1.2.3", "uneven groups"),
            ("1,23,4.5.6", "separators"),
            ("1,23,4", "uneven groups"),
            ("5 / 10", "between digits"),
            ("5-", "'-' next to"),
            ("1.29,-", "uneven groups"),
            ("1.29.9,-", "uneven groups"),
        ] {
            let why = number(text, None).unwrap_err();
            assert!(why.contains(reason), "{text}: {why}");
        }
        for (text, mark, reason) in [
            ("1,299,000", ',', "more than once"),
            ("1.234.56", '.', "more than once"),
            ("1.299,-", '.', "',' is the decimal mark here"),
            ("1.299.-", '.', "more than once"),
            ("1,5,-", ',', "more than once"),
            ("1.5", ',', "uneven groups"),
        ] {
            let why = number(text, Some(mark)).unwrap_err();
            assert!(why.contains(reason), "{text}: {why}");
        }
        assert!(number(&"9".repeat(400), None).is_err());
    }

    #[test]
    fn an_ambiguous_number_is_refused_and_both_readings_are_named() {
        for text in ["1.234", "1,234", "$10,000", "999.999", "-1,234 €"] {
            let why = number(text, None).unwrap_err();
            assert!(
                why.starts_with("it may be ") && why.contains("number:."),
                "{text}: {why}"
            );
        }
        assert_eq!(
            integer("2,000", None).unwrap_err(),
            "it may be 2000 or 2.000: write integer:. or integer:, to set the decimal mark"
        );
        assert_eq!(integer("2,000", Some('.')), Ok(2000));
        assert_eq!(integer("2.000", Some('.')), Ok(2));
        assert_eq!(integer("1.234", None), Ok(1234));
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
