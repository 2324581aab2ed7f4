//! A plot of lines over the seconds of the window.

use std::fmt::Write as _;
use std::ops::Range;

use super::markup::{escaped, number, step};

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 42.0;
const RIGHT: f64 = 352.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 148.0;
/// More points than this are more than there are pixels: neighbours are joined to their highest, or their
/// lowest where [`Line::is_worst_low`].
const POINTS_MAX: usize = 300;

/// One line; what was not measured leaves a gap.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<Option<f64>>,
    /// Is a low value the bad one?
    pub(crate) is_worst_low: bool,
}

/// A plot with its title and legend.
#[derive(Debug)]
pub(crate) struct Plot<'a> {
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) lines: &'a [Line],
    /// A part of the window that is marked, and what it is.
    pub(crate) band: Option<(&'static str, Range<usize>)>,
}

impl Plot<'_> {
    /// The figure as markup.
    pub(crate) fn markup(&self) -> String {
        let mut out =
            format!("<figure><figcaption>{} <small>{}</small>", escaped(self.title), escaped(self.unit));
        for (index, line) in self.lines.iter().enumerate() {
            put(&mut out, format_args!(" <span class=\"key k{index}\">{}</span>", escaped(line.name)));
        }
        out.push_str("</figcaption>");
        let seconds = self.lines.iter().map(|line| line.points.len()).max().unwrap_or(0);
        let max = self.lines.iter().flat_map(|line| &line.points).flatten().copied().fold(0.0, f64::max);
        if self.lines.iter().all(|line| line.points.iter().all(Option::is_none)) {
            out.push_str("<p class=\"none\">not measured</p></figure>");
            return out;
        }
        let step = if max > 0.0 { step(max) } else { 1.0 };
        let top = (max / step).ceil().max(1.0) * step;
        put(
            &mut out,
            format_args!(
                "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
                escaped(self.title)
            ),
        );
        self.band_markup(&mut out, seconds);
        axes(&mut out, seconds, step, top);
        for (index, line) in self.lines.iter().enumerate() {
            put(&mut out, format_args!("<path class=\"l{index}\" d=\"{}\"/>", path(line, seconds, top)));
        }
        self.readings(&mut out, seconds);
        out.push_str("</svg></figure>");
        out
    }

    fn band_markup(&self, out: &mut String, seconds: usize) {
        let Some((name, band)) = &self.band else { return };
        let (from, to) = (x(band.start, seconds), x(band.end.min(seconds), seconds));
        let width = to - from;
        put(
            out,
            format_args!(
                "<rect class=\"band\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{}\"/>",
                BOTTOM - TOP
            ),
        );
        let (at, y) = (from + 1.0, TOP - 5.0);
        put(out, format_args!("<text x=\"{at:.1}\" y=\"{y}\">{}</text>", escaped(name)));
    }

    /// A strip for each second that tells its figures when it is pointed at.
    fn readings(&self, out: &mut String, seconds: usize) {
        let joined = seconds.div_ceil(POINTS_MAX).max(1);
        for second in (0..seconds).step_by(joined) {
            let (from, width) = (x(second, seconds), x(joined, seconds) - LEFT);
            let figures = self.lines.iter().map(|line| {
                let value = line.points.get(second).copied().flatten();
                format!(" {} {}", line.name, value.map_or_else(|| "-".to_owned(), number))
            });
            let figures = escaped(&figures.collect::<String>());
            put(
                out,
                format_args!(
                    "<rect class=\"at\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{}\"><title>second {}:{figures}</title></rect>",
                    BOTTOM - TOP,
                    second + 1
                ),
            );
        }
    }
}

fn x(second: usize, seconds: usize) -> f64 {
    LEFT + (RIGHT - LEFT) * second as f64 / seconds.max(1) as f64
}

fn y(value: f64, top: f64) -> f64 {
    BOTTOM - (BOTTOM - TOP) * (value / top).clamp(0.0, 1.0)
}

fn axes(out: &mut String, seconds: usize, step: f64, top: f64) {
    let marks = (top / step).round() as u32;
    for mark in 0..=marks {
        let value = f64::from(mark) * step;
        let y = y(value, top);
        put(
            out,
            format_args!("<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"),
        );
        put(
            out,
            format_args!(
                "<text class=\"end\" x=\"{}\" y=\"{:.1}\">{}</text>",
                LEFT - 5.0,
                y + 3.5,
                number(value)
            ),
        );
    }
    let every = step_seconds(seconds);
    for second in (0..=seconds).step_by(every) {
        let at = x(second, seconds);
        // The last one would stand half outside.
        let anchor = if at > RIGHT - 10.0 { "end" } else { "mid" };
        put(
            out,
            format_args!("<text class=\"{anchor}\" x=\"{at:.1}\" y=\"{}\">{second} s</text>", BOTTOM + 15.0),
        );
    }
}

fn step_seconds(seconds: usize) -> usize {
    (self::step(seconds.max(4) as f64).ceil() as usize).max(1)
}

/// A step for each second, a gap where nothing was measured.
fn path(line: &Line, seconds: usize, top: f64) -> String {
    let joined = seconds.div_ceil(POINTS_MAX).max(1);
    let mut path = String::new();
    let mut is_drawing = false;
    for (index, chunk) in line.points.chunks(joined).enumerate() {
        let values = chunk.iter().flatten().copied();
        let worst = if line.is_worst_low { values.reduce(f64::min) } else { values.reduce(f64::max) };
        let Some(value) = worst else {
            is_drawing = false;
            continue;
        };
        let (from, to) = (x(index * joined, seconds), x((index + 1) * joined, seconds).min(RIGHT));
        let command = if is_drawing { 'L' } else { 'M' };
        let y = y(value, top);
        put(&mut path, format_args!("{command}{from:.1} {y:.1}L{to:.1} {y:.1}"));
        is_drawing = true;
    }
    path
}

fn put(out: &mut String, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_a_gap_and_the_worst_of_a_joined_second_is_kept() {
        let line = |points: Vec<Option<f64>>| Line { name: "a", points, is_worst_low: true };
        assert_eq!(
            path(&line(vec![Some(0.0), None, Some(10.0)]), 3, 10.0).matches('M').count(),
            2,
            "the line begins again behind the gap"
        );
        let mut points = vec![Some(60.0); 2 * POINTS_MAX];
        points[5] = Some(0.0);
        let path = path(&line(points), 2 * POINTS_MAX, 60.0);
        assert_eq!(path.matches(" 148.0").count(), 2, "the second at 0 is drawn: {path}");
    }

    #[test]
    fn what_was_never_measured_is_said() {
        let lines = [Line { name: "a", points: vec![None, None], is_worst_low: false }];
        let plot = Plot { title: "T", unit: "us", lines: &lines, band: None };
        assert!(plot.markup().contains("not measured") && !plot.markup().contains("<svg"));
    }
}
