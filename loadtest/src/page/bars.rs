//! A distribution as bars, on a logarithmic axis of time.

use hdrhistogram::Histogram;
use std::fmt::Write as _;

use super::markup::{escaped, number};

const WIDTH: f64 = 360.0;
const LEFT: f64 = 42.0;
const RIGHT: f64 = 352.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 148.0;
/// Bars for each factor of ten.
const BARS_A_DECADE: i32 = 10;

/// The distribution of `histogram_us`, shown in milliseconds.
pub(crate) fn distribution(title: &str, histogram_us: &Histogram<u64>) -> String {
    let mut out =
        format!("<figure><figcaption>{} <small>ms, part of all in %</small></figcaption>", escaped(title));
    if histogram_us.is_empty() {
        out.push_str("<p class=\"none\">not measured</p></figure>");
        return out;
    }
    let (first, parts) = parts(histogram_us);
    let highest = parts.iter().copied().fold(0.0, f64::max);
    put(
        &mut out,
        format_args!("<svg viewBox=\"0 0 {WIDTH} 170\" role=\"img\" aria-label=\"{}\">", escaped(title)),
    );
    for part in [0.0, highest / 2.0, highest] {
        let y = BOTTOM - (BOTTOM - TOP) * part / highest;
        put(
            &mut out,
            format_args!("<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"),
        );
        put(
            &mut out,
            format_args!(
                "<text class=\"end\" x=\"{}\" y=\"{:.1}\">{}</text>",
                LEFT - 5.0,
                y + 3.5,
                number(part * 100.0)
            ),
        );
    }
    let width = (RIGHT - LEFT) / parts.len() as f64;
    for (index, part) in parts.iter().enumerate() {
        let (bar, x) = (first + index as i32, LEFT + width * index as f64);
        let height = (BOTTOM - TOP) * part / highest;
        let (from, to) = (number(bound_ms(bar)), number(bound_ms(bar + 1)));
        put(
            &mut out,
            format_args!(
                "<rect class=\"bar\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"><title>{from} to {to} ms: {} %</title></rect>",
                x + 0.5,
                BOTTOM - height,
                (width - 1.0).max(0.5),
                number(part * 100.0)
            ),
        );
        if bar.rem_euclid(BARS_A_DECADE) == 0 {
            put(
                &mut out,
                format_args!("<text class=\"mid\" x=\"{x:.1}\" y=\"{}\">{from}</text>", BOTTOM + 15.0),
            );
        }
    }
    out.push_str("</svg></figure>");
    out
}

/// The number of the first bar, and the part of all values in each bar up to the highest value's; at least one
/// decade.
fn parts(histogram_us: &Histogram<u64>) -> (i32, Vec<f64>) {
    let bar_of = |us: u64| ((us.max(1) as f64 / 1e3).log10() * f64::from(BARS_A_DECADE)).floor() as i32;
    let (low, high) = (bar_of(histogram_us.min()), bar_of(histogram_us.max()));
    let first = low - low.rem_euclid(BARS_A_DECADE);
    let end = (high + 1).max(first + BARS_A_DECADE);
    let mut parts = vec![0.0; (end - first) as usize];
    let all = histogram_us.len() as f64;
    for value in histogram_us.iter_recorded() {
        let bar = bar_of(value.value_iterated_to()).clamp(first, end - 1);
        parts[(bar - first) as usize] += value.count_at_value() as f64 / all;
    }
    (first, parts)
}

fn bound_ms(bar: i32) -> f64 {
    10_f64.powf(f64::from(bar) / f64::from(BARS_A_DECADE))
}

fn put(out: &mut String, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_one_bar() {
        let mut histogram = Histogram::new_with_bounds(1, 120_000_000, 3).unwrap();
        for us in [1, 900, 1_000, 1_500, 99_000, 120_000_000] {
            histogram.record(us).unwrap();
        }
        let (first, parts) = parts(&histogram);
        assert_eq!(first, -30, "from a microsecond");
        assert!((parts.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(distribution("x", &histogram).contains("<title>1 to 1.3 ms: 16.7 %</title>"));
    }
}
