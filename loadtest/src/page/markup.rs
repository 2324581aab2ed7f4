//! Text, numbers and scales as they are written into the page.

use std::fmt::Write as _;

/// Text that stays text.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() && c != '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A number with as many digits as it is worth.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 1e9 => format!("{}G", trimmed(value / 1e9)),
        size if size >= 1e6 => format!("{}M", trimmed(value / 1e6)),
        size if size >= 1e4 => format!("{}k", trimmed(value / 1e3)),
        _ => trimmed(value),
    }
}

fn trimmed(value: f64) -> String {
    let digits = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 1.0 {
        1
    } else {
        3
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The step between the marks of an axis that reaches `max`: 1, 2 or 5 times a power of ten, about four of them.
pub(crate) fn step(max: f64) -> f64 {
    let rough = max / 4.0;
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough * 0.999);
    factor.unwrap_or(10.0) * power
}

/// A table with a heading for each column.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut out = "<div class=\"wide\"><table><thead><tr>".to_owned();
    headings.iter().for_each(|heading| cell(&mut out, "th", heading));
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        row.iter().for_each(|text| cell(&mut out, "td", text));
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    out
}

fn cell(out: &mut String, tag: &str, text: &str) {
    write!(out, "<{tag}>{}</{tag}>", escaped(text)).expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_steps_round() {
        let shown = [0.0, 0.25, 12.34, 250.4, 12_300.0, 5e7, 3.2e9].map(number);
        assert_eq!(shown, ["0", "0.25", "12.3", "250", "12.3k", "50M", "3.2G"]);
        assert_eq!([60.0, 1.0, 0.03, 7_000.0].map(step), [20.0, 0.5, 0.01, 2_000.0]);
    }

    #[test]
    fn nothing_from_outside_is_markup() {
        assert_eq!(escaped("<a href=\"&\">\u{1b}"), "&lt;a href=&quot;&amp;&quot;&gt; ");
    }
}
