//! Go's `printf` over template values.

use super::number;
use super::value::Val;
use std::iter::Peekable;
use std::str::Chars;

#[derive(Default)]
struct Spec {
    left: bool,
    plus: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

/// Widths beyond this pad nothing that a person reads.
const MAX_WIDTH: usize = 1000;

/// Formats; mistakes show in the text as Go shows them, such as `%!d(float64=3)`.
pub(super) fn printf(format: &str, arguments: &[Val]) -> Result<String, String> {
    let (mut out, mut chars, mut rest) = (String::new(), format.chars().peekable(), arguments.iter());
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let spec = read_spec(&mut chars);
        let Some(verb) = chars.next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if verb == '%' {
            out.push('%');
            continue;
        }
        match rest.next() {
            None => out.push_str(&format!("%!{verb}(MISSING)")),
            Some(argument) => out.push_str(&pad(&spec, one(verb, &spec, argument)?)),
        }
    }
    let extra: Vec<_> = rest.map(|v| Ok(format!("{}={}", v.type_name(), v.print()?))).collect::<Result<_, String>>()?;
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    Ok(out)
}

fn read_spec(chars: &mut Peekable<Chars<'_>>) -> Spec {
    let mut spec = Spec::default();
    while let Some(flag) = chars.next_if(|c| matches!(c, '-' | '+' | '0' | ' ' | '#')) {
        match flag {
            '-' => spec.left = true,
            '+' => spec.plus = true,
            '0' => spec.zero = true,
            _ => {}
        }
    }
    spec.width = digits(chars).unwrap_or(0).min(MAX_WIDTH);
    if chars.next_if_eq(&'.').is_some() {
        spec.precision = Some(digits(chars).unwrap_or(0).min(MAX_WIDTH));
    }
    spec
}

fn digits(chars: &mut Peekable<Chars<'_>>) -> Option<usize> {
    let mut text = String::new();
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        text.push(digit);
    }
    text.parse().ok()
}

fn one(verb: char, spec: &Spec, value: &Val) -> Result<String, String> {
    let text = match (verb, value) {
        ('v', Val::Num(n)) => spec.precision.map_or_else(|| number::shortest(*n), |p| number::general(*n, p)),
        ('g', Val::Num(n)) => spec.precision.map_or_else(|| number::shortest(*n), |p| number::general(*n, p)),
        ('f' | 'F', Val::Num(n)) => number::fixed(*n, spec.precision.unwrap_or(6)),
        ('e', Val::Num(n)) => number::scientific(*n, spec.precision.unwrap_or(6)),
        ('d', Val::Int(int)) => int.to_string(),
        ('x', Val::Int(int)) => format!("{int:x}"),
        ('t', Val::Bool(value)) => value.to_string(),
        ('q', Val::Str(text)) => format!("{text:?}"),
        ('s' | 'v', Val::Str(text)) => match spec.precision {
            Some(limit) => text.chars().take(limit).collect(),
            None => text.clone(),
        },
        ('v', other) => other.print()?,
        ('s', Val::Labels(_)) => value.print()?,
        (verb, other) => return Ok(format!("%!{verb}({}={})", other.type_name(), other.print()?)),
    };
    let signed = spec.plus && matches!(value, Val::Num(_) | Val::Int(_)) && !text.starts_with(['-', '+']);
    Ok(if signed { format!("+{text}") } else { text })
}

fn pad(spec: &Spec, text: String) -> String {
    let missing = spec.width.saturating_sub(text.chars().count());
    if missing == 0 {
        return text;
    }
    let number = text.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit());
    if spec.left {
        text + &" ".repeat(missing)
    } else if spec.zero && number {
        let (sign, digits) = text.split_at(usize::from(text.starts_with(['-', '+'])));
        format!("{sign}{}{digits}", "0".repeat(missing))
    } else {
        " ".repeat(missing) + &text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: &str, arguments: &[Val], expected: &str) {
        assert_eq!(printf(format, arguments).unwrap(), expected, "{format}");
    }

    #[test]
    fn verbs() {
        check("%.2f %v %g", &[Val::Num(1234.5678), Val::Num(1e6), Val::Num(0.5)], "1234.57 1e+06 0.5");
        check("%.3v %e", &[Val::Num(1_000_000.0), Val::Num(95_062.0)], "1e+06 9.506200e+04");
        check("%d %x %t %q %s", &[Val::Int(3), Val::Int(255), Val::Bool(true), text("a\"b"), text("x")], {
            "3 ff true \"a\\\"b\" x"
        });
        check("100%%", &[], "100%");
    }

    #[test]
    fn widths() {
        check("%5.1f|%-8s|%08.3f|%+d", &[Val::Num(1.0), text("ab"), Val::Num(-0.5), Val::Int(2)], {
            "  1.0|ab      |-000.500|+2"
        });
        check("%08.3f", &[Val::Num(f64::NAN)], "     NaN");
    }

    #[test]
    fn mistakes_show_in_the_text() {
        check("%d", &[Val::Num(3.0)], "%!d(float64=3)");
        check("%s", &[], "%!s(MISSING)");
        check("%s", &[text("a"), text("b")], "a%!(EXTRA string=b)");
        check("50%", &[], "50%!(NOVERB)");
    }

    fn text(s: &str) -> Val {
        Val::Str(s.to_owned())
    }
}
